-- Executions of a run with what their calls came to. Grain: one row per execution.
select
    executions.*,
    plans.plan,
    spent.*  exclude (execution_id)
from executions
inner join plans using (plan_key)
left join (
    select
        execution_id,
        count(*) as n_calls,
        count(*) filter (calls.cached) as n_cached,
        coalesce(sum(calls.cost_usd) filter (not coalesce(calls.cached, false)), 0.0) as spent_usd,
        coalesce(sum(calls.cost_usd) filter (calls.cached), 0.0) as saved_usd,
        count(*) filter (not coalesce(calls.cached, false) and calls.cost_usd is null and calls.error is null) as n_unpriced
    from calls
    semi join (select execution_id from executions where run_id = $run) using (execution_id)
    group by execution_id
) as spent using (execution_id)
where executions.run_id = $run
order by executions.started_at, executions.execution_id
