-- Models that change without saying so, and which kind of topic model a snapshot has.

create table drift (
    model varchar not null,
    topic varchar not null,
    metric varchar not null,
    before double not null,
    after double not null,
    change double not null,
    change_low double not null,
    change_high double not null,
    z double not null,
    p_value double not null,
    n_before bigint not null,
    n_after bigint not null,
    since timestamp,
    served varchar,
    verdict varchar not null,
    ingestion bigint not null,
    judged_at timestamp not null
);
comment on table drift is 'New observations of a model compared with those before them: one row per refresh × model × topic × metric, wherever there were 50 new ones.';
comment on column drift.model is 'Model that was called.';
comment on column drift.topic is 'Topic; * for all topics together.';
comment on column drift.metric is 'qoa (of the model alone), latency_s (at equal tokens), output_tokens or cost_usd (at equal tokens).';
comment on column drift.before is 'Usual value of the same kinds of call before: mean quality or median output tokens; latency and cost are over what the tokens explain at the rates of model_figures.';
comment on column drift.after is 'Usual value of the new calls; equal kinds of call are compared, so that other questions or plans are no drift.';
comment on column drift.change is 'Quality: difference. Others: share, 0.3 is 30 % more.';
comment on column drift.change_low is 'Lower end of the 95 % interval of change.';
comment on column drift.change_high is 'Upper end of the 95 % interval of change.';
comment on column drift.z is 'Change over its standard error, in which the spread between days counts.';
comment on column drift.p_value is 'Two-sided probability of so large a z without drift.';
comment on column drift.n_before is 'Calls before.';
comment on column drift.n_after is 'New calls.';
comment on column drift.since is 'Start of the earliest new call (UTC).';
comment on column drift.served is 'What answered: calls of other weights are not compared.';
comment on column drift.verdict is 'drifted (false discovery rate 1 % over all comparisons of the refresh, and large enough to matter) or stable.';
comment on column drift.ingestion is 'Ingestion up to which calls were compared (ingested_files).';
comment on column drift.judged_at is 'When (UTC).';

create table drift_watch (
    model varchar primary key,
    served varchar,
    ingestion bigint not null
);
comment on table drift_watch is 'Up to where the calls of each model have been compared: what comes later waits until there are 50.';
comment on column drift_watch.model is 'Model.';
comment on column drift_watch.served is 'What answers to the name; a change starts again.';
comment on column drift_watch.ingestion is 'Calls up to this ingestion are what new ones are compared with (ingested_files).';

alter table topic_models add column kind varchar default 'centroid';
comment on column topic_models.kind is 'centroid (nearest centroid with the words of the topics) or bertopic (supervised BERTopic).';
