-- Executions as a traces file has them, with their calls nested: `optiq ingest traces` takes them back, each once.
-- Those of a page: from $first_id of the ingestion $first on, up to but without $next_id of $last.
-- The task follows from the kind. Grain: one row per execution, in the order in which they were merged.
with

nested as (
    select
        execution_id,
        list(
            {
                'node': node, 'model': model, 'answered_model': answered_model, 'server': server, 'digest': digest,
                'prompt_tokens': prompt_tokens, 'cached_tokens': cached_tokens, 'output_tokens': output_tokens,
                'thinking_tokens': thinking_tokens, 'prompt_chars': prompt_chars,
                'max_output_tokens': max_output_tokens, 'cost_usd': cost_usd, 'latency_s': latency_s, 'load_s': load_s,
                'prompt_s': prompt_s, 'output_s': output_s, 'queue_s': queue_s, 'energy_j': energy_j, 'energy_source': energy_source,
                'finish_reason': finish_reason, 'output': output, 'thinking': thinking, 'error': error,
                'cached': cached, 'constrained': constrained, 'started_at': started_at, 'attempts': attempts,
                'subplan_key': subplan_key, 'subplan_level': subplan_level, 'subplan_cost_usd': subplan_cost_usd,
                'subplan_latency_s': subplan_latency_s, 'subplan_energy_j': subplan_energy_j,
                'subplan_qoa': subplan_qoa, 'logprob_mean': logprob_mean, 'logprob_least': logprob_least
            }
            order by node
        ) as calls
    from calls
    where
        ingestion between $first and $last
        and (ingestion > $first or execution_id >= $first_id)
        and (ingestion < $last or execution_id < $next_id)
    group by execution_id
)

select executions.* exclude (ingestion, task), plans.plan, nested.calls
from executions
inner join plans using (plan_key)
left join nested using (execution_id)
where
    executions.ingestion between $first and $last
    and (executions.ingestion > $first or executions.execution_id >= $first_id)
    and (executions.ingestion < $last or executions.execution_id < $next_id)
order by executions.ingestion, executions.execution_id
