-- What other tools judged an answer by: one of their scores is its quality, all of them are kept.

alter table executions add column scores varchar;
comment on column executions.scores is 'Scores by name as another tool gave them, as JSON; qoa is made of one. NULL: none came with the trace.';
