-- Executions say who judged their answers.

alter table executions add column qoa_source varchar;
comment on column executions.qoa_source is 'Where qoa comes from: given (whoever recorded the run judged it) or scored (by the rules of optiq/scoring, from the reference). NULL: not judged, or recorded before this was kept.';
