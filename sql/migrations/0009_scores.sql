-- Scores that judge short facts, and scores that arrive after the run.

alter table executions add column score_contained double;
comment on column executions.score_contained is 'Whether the answer has all words of the reference, 0 or 1 (open questions).';
alter table executions add column score_numeric double;
comment on column executions.score_numeric is 'Whether the answer''s number is the reference''s, 0 or 1. NULL unless the reference is a number.';
alter table executions add column score_date double;
comment on column executions.score_date is 'Whether the answer''s date is the reference''s, 0 or 1. NULL unless the reference is a date.';
comment on column executions.qoa is 'Quality of the answer, 0 to 1, by the rule in docs/scoring.md. NULL without a reference or if the execution failed.';
comment on column ingested_files.kind is 'priors, statistics, traces, scores or rejects.';
comment on column plan_days.n_executions is 'Answered executions of the whole plan. Rows of scores that came after the run count none: they only correct qoa.';
