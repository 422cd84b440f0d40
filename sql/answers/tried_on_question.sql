-- What every plan was seen to do on one question, in any run. Grain: one row per plan, the best first.
select
    any_value(plans.expression) as plan,
    plan_key,
    count(*) as n,
    count(*) filter (status = 'answered') as n_answered,
    avg(qoa) as qoa,
    avg(cost_usd) as cost_usd,
    avg(latency_s) as latency_s,
    arg_max(answer, executions.started_at) as answer
from executions
inner join plans using (plan_key)
where question = $question
group by plan_key
order by qoa desc nulls last, cost_usd nulls last, plan_key
limit 20
