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
        b.qoa as qoa_before,
        a.qoa as qoa_after,
        b.cost_usd as cost_usd_before,
        a.cost_usd as cost_usd_after,
        b.latency_s as latency_s_before,
        a.latency_s as latency_s_after,
        b.energy_j as energy_j_before,
        a.energy_j as energy_j_after
    from before_plan_statistics as b
    full join after_plan_statistics as a on a.topic = b.topic and a.task = b.task and a.plan_key = b.plan_key
)

select *
from compared
where
    change <> 'changed'
    or n_before <> n_after
    or qoa_before is distinct from qoa_after
    or cost_usd_before is distinct from cost_usd_after
    or latency_s_before is distinct from latency_s_after
    or energy_j_before is distinct from energy_j_after
order by abs(coalesce(qoa_after, 0) - coalesce(qoa_before, 0)) desc, topic, task, plan_key
