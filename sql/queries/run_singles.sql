-- How each single model did on the questions of a run, from all executions of it on them, beside what the run did on
-- the same questions. Grain: one row per model. A model's repeated executions of one question count once, as their mean.
with

planned as (
    select
        question,
        avg(qoa) as qoa,
        avg(cost_usd) as cost_usd,
        avg(latency_s) as latency_s
    from executions
    where run_id = $run_id and status = 'answered'
    group by question
),

per_question as (
    select
        sink_model as model,
        question,
        avg(qoa) as qoa,
        avg(cost_usd) as cost_usd,
        avg(latency_s) as latency_s
    from executions
    inner join plans using (plan_key)
    semi join planned using (question)
    where plans.operations = 1 and status = 'answered'
    group by sink_model, question
)

select
    model,
    count(*) as n_questions,
    avg(per_question.qoa) as qoa,
    avg(per_question.cost_usd) as cost_usd,
    avg(per_question.latency_s) as latency_s,
    avg(planned.qoa - per_question.qoa) as qoa_gained,
    -- Half of the 95 % interval of what was gained: over the differences question by question.
    1.96 * stddev_samp(planned.qoa - per_question.qoa) / sqrt(count(planned.qoa - per_question.qoa)) as half_width,
    avg(planned.cost_usd - per_question.cost_usd) as cost_usd_more,
    avg(planned.latency_s - per_question.latency_s) as latency_s_more
from per_question
inner join planned using (question)
group by model
order by qoa desc, model
