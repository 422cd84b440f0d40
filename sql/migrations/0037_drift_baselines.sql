-- What new calls are compared with is kept from night to night: only new calls are read.

alter table drift_watch add column n_waiting bigint default 0;
alter table drift_watch add column baseline_ingestion bigint;
alter table drift_watch add column n_baseline bigint;
alter table drift_watch add column n_since bigint default 0;
alter table drift_watch add column seconds_per_prompt_token double;
alter table drift_watch add column seconds_per_output_token double;
alter table drift_watch add column usd_per_prompt_token double;
alter table drift_watch add column usd_per_output_token double;
comment on column drift_watch.ingestion is 'Calls up to this ingestion have been compared (ingested_files).';
comment on column drift_watch.n_waiting is 'Calls after it: they wait until there are 50, or a suspicion until there are more.';
comment on column drift_watch.baseline_ingestion is 'Calls up to this ingestion are in the baseline (drift_usual, drift_before). NULL: it is to be read.';
comment on column drift_watch.n_baseline is 'Calls that the baseline was read from, or from a sample of.';
comment on column drift_watch.n_since is 'Calls that were compared since the baseline was read: when they are a tenth of it, it is read again.';
comment on column drift_watch.seconds_per_prompt_token is 'Seconds per prompt token (model_figures) when the baseline was read.';
comment on column drift_watch.seconds_per_output_token is 'Seconds per output token, likewise.';
comment on column drift_watch.usd_per_prompt_token is 'USD per prompt token, likewise.';
comment on column drift_watch.usd_per_output_token is 'USD per output token, likewise.';

-- What waited is compared with nothing: how many calls it is was never counted.
update drift_watch set ingestion = greatest(ingestion, (select coalesce(max(ingestion), 0) from ingested_files));

create table drift_usual (
    model varchar not null,
    topic varchar not null,
    task varchar not null,
    subplan_key varchar,
    metric varchar not null,
    usual double not null,
    n_before bigint not null
);
comment on table drift_usual is 'Baseline of drift: what calls of one kind (topic × task × sub-plan that they end) usually are. One row per model × kind × metric.';
comment on column drift_usual.model is 'Model that was called.';
comment on column drift_usual.topic is 'Topic of the runs.';
comment on column drift_usual.task is 'Task of the questions: open or choice.';
comment on column drift_usual.subplan_key is 'Sub-plan that the call ends. NULL if nobody said.';
comment on column drift_usual.metric is 'Metric, as in drift.';
comment on column drift_usual.usual is 'Mean quality, or the median of the logarithm of the others; latency and cost over what the tokens explain at the rates in drift_watch.';
comment on column drift_usual.n_before is 'Calls of the kind.';

create table drift_before (
    model varchar not null,
    topic varchar not null,
    metric varchar not null,
    n_before bigint not null,
    centre double not null,
    variance double,
    n_days bigint not null,
    n_full_days bigint not null,
    variance_of_days double
);
comment on table drift_before is 'Baseline of drift: how far calls are from what is usual of their kind (drift_usual). One row per model × topic × metric.';
comment on column drift_before.model is 'Model that was called.';
comment on column drift_before.topic is 'Topic; * for all topics together.';
comment on column drift_before.metric is 'Metric, as in drift.';
comment on column drift_before.n_before is 'Calls.';
comment on column drift_before.centre is 'Mean (quality) or median (others) of the distance.';
comment on column drift_before.variance is 'Variance of one call''s part in the centre: of a mean, or of a median by how dense calls are around it.';
comment on column drift_before.n_days is 'Days with calls.';
comment on column drift_before.n_full_days is 'Days with five calls or more.';
comment on column drift_before.variance_of_days is 'How much those days differ, beyond what their calls explain. NULL below two.';
