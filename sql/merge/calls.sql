-- Append the calls of the new executions. Grain: one row per execution × node.
insert into calls by name
with

unnested as (
    select execution_id, ingestion, unnest(calls) as call from new_traces
)

select
    execution_id,
    call.node,
    call.model,
    call.answered_model,
    call.server,
    call.digest,
    -- a count of 0 is nobody's: no prompt has no token, and no answer is free
    case when call.prompt_tokens > 0 then call.prompt_tokens end as prompt_tokens,
    case when call.output_tokens > 0 then call.output_tokens end as output_tokens,
    case when call.thinking_tokens > 0 then call.thinking_tokens end as thinking_tokens,
    case
        when call.prompt_tokens > 0 and call.cached_tokens is not null
            then greatest(0, least(call.cached_tokens, call.prompt_tokens))
    end as cached_tokens,
    call.prompt_chars,
    call.max_output_tokens,
    figure(call.cost_usd) as cost_usd, -- each resource
    figure(call.load_s) as load_s,
    figure(call.prompt_s) as prompt_s,
    figure(call.output_s) as output_s,
    figure(call.queue_s) as queue_s,
    call.energy_source,
    call.finish_reason,
    call.output,
    call.thinking,
    figure(call.logprob_mean) as logprob_mean,
    figure(call.logprob_least) as logprob_least,
    call.error,
    coalesce(call.cached, false) as cached,
    call.constrained,
    call.started_at::timestamp as started_at,
    call.attempts,
    nullif(call.subplan_key, '') as subplan_key,
    call.subplan_level,
    figure(call.subplan_cost_usd) as subplan_cost_usd, -- each metric
    ingestion
from unnested;
