-- What tokens explain of latency and cost is told by the calls of the baseline themselves, a part for each call included.
alter table drift_watch add column seconds_fixed double;
alter table drift_watch add column usd_fixed double;
comment on column drift_watch.seconds_per_prompt_token is 'Seconds per prompt token in the calls of the baseline; those of model_figures where these do not tell.';
comment on column drift_watch.seconds_per_output_token is 'Seconds per output token, likewise.';
comment on column drift_watch.usd_per_prompt_token is 'USD per prompt token, likewise.';
comment on column drift_watch.usd_per_output_token is 'USD per output token, likewise.';
comment on column drift_watch.seconds_fixed is 'Seconds of a call besides, likewise. NULL: not told.';
comment on column drift_watch.usd_fixed is 'USD of a call besides, likewise.';

-- Baselines are read anew, so that new calls are compared at these.
update drift_watch set baseline_ingestion = null;
