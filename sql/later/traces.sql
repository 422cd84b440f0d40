-- The executions that a file brought, with their calls, as they landed. Grain: one row per execution.
with

file as (
    select ingestion from later_files where file_id = getvariable('file_id')
),

nested as (
    select execution_id, list(calls order by calls.node) as calls
    from after.calls as calls
    semi join file using (ingestion)
    group by execution_id
)

select executions.*, plans.plan, nested.calls
from after.executions as executions
semi join file using (ingestion)
inner join after.plans as plans using (plan_key)
left join nested using (execution_id);
