-- How much the lengths of a plan's questions vary: what they explain of the variance of its cost is no risk.
alter table plan_statistics add column var_question_chars double;
comment on column plan_statistics.var_question_chars is 'Sample variance of the length of the questions in characters. NULL below two observations.';
