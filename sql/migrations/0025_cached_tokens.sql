-- Prompt tokens that a server took from its prompt cache: the time of a call is that of the others.

alter table calls add column cached_tokens bigint;
comment on column calls.cached_tokens is 'Of prompt_tokens, those that the server had in its prompt cache: prompt_s was spent on the others. NULL: it does not say.';
comment on column calls.prompt_tokens is 'Tokens of the prompt, those in the server''s prompt cache included. NULL: nobody counted.';
