-- Executions of some questions of some runs, with the output of every node. Grain: one row per execution.
-- The frame `wanted` (run_id, question_id) says which.
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
inner join wanted using (run_id, question_id)
left join calls using (execution_id)
group by all
order by execution_id
