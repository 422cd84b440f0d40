-- What is seen of judged answers. Grain: one row per answered execution with a quality. Cached calls repeat others.
select
    calls.model,
    task_of(executions.kind) as task,
    calls.logprob_mean,
    calls.logprob_least,
    executions.agreement,
    executions.qoa >= 0.5 as is_right
from executions
inner join plans using (plan_key)
left join calls on calls.execution_id = executions.execution_id and calls.node = plans.operations - 1 and not calls.cached
where executions.status = 'answered' and executions.qoa is not null;
