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
comment on column chart_misses.miss is 'Predicted minus observed quality; without a prediction 1 minus the observed one.';
