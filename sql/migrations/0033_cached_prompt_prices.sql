-- A prompt token that the provider has in its cache has a price of its own: a figure like others, known by its name.

comment on column priors.metric is 'What is measured; the unit is in the name (usd, seconds, joules, tokens; qoa from 0 to 1). usd_per_cached_prompt_token is the price of prompt tokens that the server had in its cache; without one they cost as much as others.';
