-- Key figures of a run (NULL: of everything that PerfDB holds). One row. What was spent is what was paid: cached calls
-- are apart, as in the views of spend and on the command line.
with

asked as (
    select * from executions where $run is null or run_id = $run
),

made as (
    select
        execution_id,
        -- All from the cache: nothing was paid, which is not unknown.
        case when bool_and(coalesce(cached, false)) then 0.0 else sum(cost_usd) filter (not coalesce(cached, false)) end as paid_cost_usd, -- each additive
        sum(cost_usd) filter (cached) as cached_cost_usd, -- each additive
    from calls
    semi join asked using (execution_id)
    group by execution_id
)

select
    count(*) as n_executions,
    count(*) filter (status = 'answered') as n_answered,
    count(*) filter (status = 'failed') as n_failed,
    count(distinct question_id) as n_questions,
    count(distinct plan_key) as n_plans,
    count(qoa) as n_judged,
    avg(qoa) as qoa,
    avg(predicted_qoa) as predicted_qoa,
    sum(case when made.execution_id is null then cost_usd else paid_cost_usd end) as cost_usd, -- each additive
    sum(cached_cost_usd) as cached_cost_usd, -- each additive
    median(latency_s) as latency_s,
    quantile_cont(latency_s, 0.95) as latency_p95_s,
    min(started_at) as started_at,
    max(started_at) as ended_at,
    max(snapshot_id) as snapshot_id
from asked
left join made using (execution_id)
