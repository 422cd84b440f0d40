-- Were budgets kept? Grain: one row per run. Failed executions count where a figure of theirs is known, as in
-- chart_adherence: a limit that a failed answer broke is broken.
create or replace view budget_adherence as
select
    run_id,
    min(started_at) as started_at,
    count(*) as n_executions,
    count(*) filter (status = 'failed') as n_failed,
    count(max_cost_usd) as n_with_cost_limit, -- each resource
    avg((cost_usd <= max_cost_usd)::integer) as cost_kept, -- each resource
    count(min_qoa) as n_with_qoa_floor,
    avg((qoa >= min_qoa)::integer) as qoa_kept,
    sum(case when made.execution_id is null then cost_usd else paid_usd end) as cost_usd,
    sum(cached_usd) as cached_cost_usd,
    sum(predicted_cost_usd) as predicted_cost_usd
from executions
left join (
    select
        execution_id,
        sum(cost_usd) filter (not coalesce(cached, false)) as paid_usd,
        sum(cost_usd) filter (cached) as cached_usd
    from calls
    group by execution_id
) as made using (execution_id)
group by run_id
order by started_at, run_id;
comment on view budget_adherence is 'Per run: how many executions had a limit, and the share of them (where the figure is known) that kept it.';
comment on column budget_adherence.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column budget_adherence.started_at is 'Start of the earliest execution (UTC).';
comment on column budget_adherence.n_executions is 'Executions of the run.';
comment on column budget_adherence.n_failed is 'Those of them that failed.';
comment on column budget_adherence.n_with_cost_limit is 'Executions that had a limit on their cost.'; -- each resource
comment on column budget_adherence.cost_kept is 'Share of executions within their cost limit, of those whose cost is known, 0 to 1.'; -- each resource
comment on column budget_adherence.n_with_qoa_floor is 'Executions that had a quality floor.';
comment on column budget_adherence.qoa_kept is 'Share of judged executions that reached their quality floor, 0 to 1.';
comment on column budget_adherence.cost_usd is 'USD that were paid, where the cost is known; what cached calls had cost is not among them.';
comment on column budget_adherence.cached_cost_usd is 'USD that cached calls had cost when they were made. NULL: none was cached.';
comment on column budget_adherence.predicted_cost_usd is 'Total cost in USD that the planner expected.';
