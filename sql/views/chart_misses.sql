-- Rows of the list "worst misses". Grain: one row per answered and judged execution.
create or replace view chart_misses as
select
    run_id,
    execution_id,
    question_id,
    question,
    answer,
    reference,
    topic,
    kind,
    plan_key,
    plans.expression as plan,
    predicted_qoa,
    qoa,
    coalesce(predicted_qoa, 1.0) - qoa as miss
from executions
inner join plans using (plan_key)
where status = 'answered' and qoa is not null;
comment on view chart_misses is 'List: judged answers with how far they stayed below what was expected; one row per execution.';
comment on column chart_misses.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column chart_misses.execution_id is 'Execution (executions).';
comment on column chart_misses.question_id is 'Id of the question in its file.';
comment on column chart_misses.question is 'Text of the question.';
comment on column chart_misses.answer is 'The answer.';
comment on column chart_misses.reference is 'Gold answer.';
comment on column chart_misses.topic is 'Main topic of the question; * if it has none.';
comment on column chart_misses.kind is 'How the answer is judged: open, choice, multi, number, long, code or json.';
comment on column chart_misses.plan_key is 'Plan (plans).';
comment on column chart_misses.plan is 'The plan as a person reads it.';
comment on column chart_misses.predicted_qoa is 'Quality that the planner expected, 0 to 1. NULL if it was not planned.';
comment on column chart_misses.qoa is 'Quality of the answer, 0 to 1.';
comment on column chart_misses.miss is 'Predicted minus observed quality; without a prediction 1 minus the observed one.';
