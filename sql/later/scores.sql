-- The scores of executions that before has too, and scores otherwise; every file of scores brings all of them back, for
-- which one gave which is not on record. Grain: one row per execution.
with

nodes as (
    select calls.execution_id, list({'node': calls.node::bigint, 'qoa': calls.subplan_qoa} order by calls.node) as nodes
    from after.calls as calls
    inner join before.calls as old on old.execution_id = calls.execution_id and old.node = calls.node
    where calls.subplan_qoa is not null and calls.subplan_qoa is distinct from old.subplan_qoa
    group by calls.execution_id
)

select executions.*, nodes.nodes
from after.executions as executions
inner join before.executions as old using (execution_id)
left join nodes using (execution_id)
where executions.qoa is distinct from old.qoa or nodes.nodes is not null;
