-- Prices of tables as they are told: by length of the prompt, hour and day, each with provider, source and day.

create table prices (
    model varchar not null,
    provider varchar not null,
    entry varchar not null,
    above_tokens bigint not null,
    valid_from date,
    valid_until date,
    hour_from time,
    hour_until time,
    usd_per_prompt_token double not null,
    usd_per_cached_prompt_token double,
    usd_per_output_token double not null,
    source varchar not null,
    as_of date not null,
    file_id varchar not null,
    ingestion bigint not null
);
comment on table prices is 'What price tables said of models (optiq ingest prices): one row per model × step × file, every one ever ingested. What a short prompt costs at the dearest hour of that day stands in priors, too; the steps hold where that is the figure that counts (current_prices).';
comment on column prices.model is 'Model, as PerfDB calls it.';
comment on column prices.provider is 'Who serves it at this price, as the table calls them.';
comment on column prices.entry is 'The table''s name of the model.';
comment on column prices.above_tokens is 'Calls with more tokens of prompt than this have this price as a whole (tokens, cached ones included); 0: any.';
comment on column prices.valid_from is 'First day of the price. NULL: always.';
comment on column prices.valid_until is 'First day on which it holds no more. NULL: without end.';
comment on column prices.hour_from is 'Time of day (UTC) from which it holds. NULL: all day.';
comment on column prices.hour_until is 'Time of day (UTC) before which it holds; earlier than hour_from: over midnight.';
comment on column prices.usd_per_prompt_token is 'Price of a token of the prompt (USD).';
comment on column prices.usd_per_cached_prompt_token is 'Price of a token of the prompt that the provider had in its cache (USD). NULL: not told.';
comment on column prices.usd_per_output_token is 'Price of a token of the output (USD).';
comment on column prices.source is 'Table, its version and the entry.';
comment on column prices.as_of is 'Day on which the table was read.';
comment on column prices.file_id is 'File that brought the row (ingested_files).';
comment on column prices.ingestion is 'Number of the ingestion that brought the row (ingested_files).';
