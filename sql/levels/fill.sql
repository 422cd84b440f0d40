-- Fill a level table and its detail from level_rows. Stands for every level: level_0 is each name in turn.
delete from level_0;
insert into level_0 by name
select
    cost_usd, -- each resource
    topic, task, plan, n_observations, n_questions, qoa, qoa_basis, plan_key, provenance
from level_rows
where 'level_' || least(level, 4) = 'level_0';

delete from level_0_detail;
insert into level_0_detail by name
select * exclude (
    cost_usd, -- each resource
    plan, n_observations, n_questions, qoa, qoa_basis, provenance
)
from level_rows
where 'level_' || least(level, 4) = 'level_0';
