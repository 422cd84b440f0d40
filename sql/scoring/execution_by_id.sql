-- One execution by its id, with the output of every node. Grain: one row, or none.
select
    execution_id,
    executions.run_id,
    executions.question_id,
    executions.question,
    executions.topic,
    executions.kind,
    executions.plan_key,
    executions.status,
    executions.answer,
    list({'node': calls.node::bigint, 'output': calls.output} order by calls.node)
        filter (calls.output is not null) as calls
from executions
left join calls using (execution_id)
where execution_id = $id
group by all
