-- Statistics of plans that differ between two attached snapshots, those that changed most first.
-- Grain: one row per topic × task × plan.
with

compared as (
    select
        coalesce(b.topic, a.topic) as topic,
        coalesce(b.task, a.task) as task,
        coalesce(b.plan_key, a.plan_key) as plan_key,
        case when b.topic is null then 'new' when a.topic is null then 'gone' else 'changed' end as change,
        b.n_observations as n_before,
        a.n_observations as n_after,
        b.cost_usd as cost_usd_before, -- each metric
        a.cost_usd as cost_usd_after, -- each metric
    from before_plan_statistics as b
    full join after_plan_statistics as a on a.topic = b.topic and a.task = b.task and a.plan_key = b.plan_key
)

select *
from compared
where
    change <> 'changed'
    or n_before <> n_after
    or cost_usd_before is distinct from cost_usd_after -- each metric
order by abs(coalesce(qoa_after, 0) - coalesce(qoa_before, 0)) desc, topic, task, plan_key
