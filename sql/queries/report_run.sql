-- Key figures of a run (NULL: of everything that PerfDB holds). One row.
select
    count(*) as n_executions,
    count(*) filter (status = 'answered') as n_answered,
    count(*) filter (status = 'failed') as n_failed,
    count(distinct question_id) as n_questions,
    count(distinct plan_key) as n_plans,
    count(qoa) as n_judged,
    avg(qoa) as qoa,
    avg(predicted_qoa) as predicted_qoa,
    sum(cost_usd) as cost_usd, -- each additive
    median(latency_s) as latency_s,
    quantile_cont(latency_s, 0.95) as latency_p95_s,
    min(started_at) as started_at,
    max(started_at) as ended_at,
    max(snapshot_id) as snapshot_id
from executions
where $run is null or run_id = $run
