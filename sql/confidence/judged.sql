-- What is seen of judged answers. Grain: one row per answered execution with a quality, of which something is seen.
-- Cached calls repeat others.
with

calls_seen as (
    select execution_id, node, model, logprob_mean, logprob_least
    from calls
    where
        ingestion > getvariable('confidence_from')
        and not cached
        and (logprob_mean is not null or logprob_least is not null)
)

select
    calls_seen.model,
    executions.task,
    calls_seen.logprob_mean,
    calls_seen.logprob_least,
    executions.agreement,
    executions.qoa >= 0.5 as is_right
from executions
inner join plans using (plan_key)
left join calls_seen
    on calls_seen.execution_id = executions.execution_id and calls_seen.node = plans.operations - 1
where
    executions.ingestion > getvariable('confidence_from')
    and executions.status = 'answered'
    and executions.qoa is not null
    and (executions.agreement is not null or calls_seen.model is not null);
