-- How much does PerfDB know, and how much of it can be trusted? Grain: one row per topic × task × level.
select
    topic,
    task,
    level,
    count(*) as plans,
    count(*) filter (n_questions >= 30) as plans_judged_on_30_questions,
    sum(n_observations)::bigint as n_observations,
    max(last_seen) as last_seen
from plan_statistics
where topic <> '*'
group by topic, task, level
order by topic, task, level
