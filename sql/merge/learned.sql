-- What a night learned: plans whose statistics are new or rest on more, those whose quality moved most first
-- (temp table statistics_before).
select
    now.topic,
    now.task,
    now.plan_key,
    coalesce(before.n_observations, 0) as n_before,
    now.n_observations as n_now,
    before.qoa as qoa_before,
    now.qoa as qoa_now
from plan_statistics as now
left join statistics_before as before on before.topic = now.topic and before.task = now.task and before.plan_key = now.plan_key
where now.n_observations > coalesce(before.n_observations, 0)
order by abs(now.qoa - before.qoa) desc nulls last, n_now - n_before desc, now.topic, now.task, now.plan_key
limit 50;
