-- Which metric is the quality of an answer, and who judged it.

alter table executions add column qoa_metric varchar;
alter table executions add column judge varchar;
comment on column executions.scores is 'Scores by name as JSON: of further metrics (token-f1, rouge-l, judge, functions of one''s own), or as another tool gave them. NULL: none.';
comment on column executions.qoa_metric is 'The metric that qoa is: rule, exact, set-overlap, cosine, json-match, judge or what --metric named. NULL: not judged here, or before this was kept.';
comment on column executions.judge is 'The model that graded the answer and the version of its prompt, as JSON. NULL: no model was asked.';
