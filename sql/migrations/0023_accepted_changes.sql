-- What a person let through although the night was far from what was known.

create table accepted_changes (
    snapshot_id varchar not null,
    rule varchar not null,
    subject varchar not null,
    known double,
    new double not null,
    n_known bigint not null,
    n_new bigint not null
);
comment on table accepted_changes is 'Changes beyond a rule of the relative gate that were accepted (optiq refresh --accept): one row per snapshot × rule × subject. Later nights may be like them.';
comment on column accepted_changes.snapshot_id is 'Snapshot that was published with the change (snapshots).';
comment on column accepted_changes.rule is 'Rule that was set aside (quality_checks.name).';
comment on column accepted_changes.subject is 'Model, with its prompt set, that changed; * for all together.';
comment on column accepted_changes.known is 'What was known, in the unit of the rule. NULL if nothing was.';
comment on column accepted_changes.new is 'What the new rows said.';
comment on column accepted_changes.n_known is 'Observations behind what was known.';
comment on column accepted_changes.n_new is 'New observations.';

alter table quality_checks add column accepted boolean default false;
comment on column quality_checks.accepted is 'True if it was found and a person accepted it (optiq refresh --accept).';
comment on column quality_checks.tool is 'sql (judged in PerfDB) or great_expectations.';
