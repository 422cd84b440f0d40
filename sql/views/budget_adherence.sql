-- Were budgets kept? Grain: one row per run.
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
    sum(cost_usd) as cost_usd,
    sum(predicted_cost_usd) as predicted_cost_usd
from executions
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
comment on column budget_adherence.cost_usd is 'Total cost in USD of the executions whose cost is known.';
comment on column budget_adherence.predicted_cost_usd is 'Total cost in USD that the planner expected.';
