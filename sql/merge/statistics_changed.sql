-- How many rows of plan_statistics are new, and how many changed (temp table statistics_before).
select
    count(*) filter (before.plan_key is null) as n_new,
    count(*) filter (
        before.plan_key is not null
        and (
            now.n_observations <> before.n_observations
            or now.n_failed <> before.n_failed
            or now.qoa is distinct from before.qoa
        )
    ) as n_changed
from plan_statistics as now
left join statistics_before as before on before.topic = now.topic and before.task = now.task and before.plan_key = now.plan_key;
