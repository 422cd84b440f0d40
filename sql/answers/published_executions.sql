-- What is published of the executions $ids; the quality only where their sender gave it. Grain: one row per execution.
select
    execution_id,
    plan_key,
    topic,
    case qoa_source when 'given' then qoa end as qoa
from executions
where execution_id in (select unnest($ids))
