-- Bars of the chart "limits kept". Grain: one row per run × limit.
create or replace view chart_adherence as
with

limits as (
    select
        run_id,
        unnest([
            {'limit_name': 'max_cost_usd', 'bound': max_cost_usd, 'observed': cost_usd, 'kept': cost_usd <= max_cost_usd}, -- each resource
            {'limit_name': 'min_qoa', 'bound': min_qoa, 'observed': qoa, 'kept': qoa >= min_qoa}
        ], recursive := true)
    from executions
)

select
    run_id,
    limit_name,
    count(*) as n_limited,
    count(kept) as n_known,
    count(*) filter (kept) as n_kept,
    avg(kept::integer) as kept,
    min(bound) as smallest_limit,
    max(bound) as largest_limit,
    case when limit_name = 'min_qoa' then min(observed) else max(observed) end as worst
from limits
where bound is not null
group by run_id, limit_name
order by run_id, limit_name;
comment on view chart_adherence is 'Chart: limits on single questions and whether executions kept them, failed ones where a figure is known; one row per run × limit.';
comment on column chart_adherence.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column chart_adherence.limit_name is 'Which limit: max_cost_usd or the name of another, in the unit of its name.';
comment on column chart_adherence.n_limited is 'Executions that had the limit.';
comment on column chart_adherence.n_known is 'Those of them whose figure is known.';
comment on column chart_adherence.n_kept is 'Those of them that kept it.';
comment on column chart_adherence.kept is 'Share of the known ones that kept it, 0 to 1.';
comment on column chart_adherence.smallest_limit is 'Smallest limit that one had.';
comment on column chart_adherence.largest_limit is 'Largest limit that one had.';
comment on column chart_adherence.worst is 'Largest observed figure; for min_qoa the smallest.';
