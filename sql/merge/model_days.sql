-- Add the new calls of models in runs of a slice of days. Grain: model × topic × task × served weights × server × day; a
-- day that a call of another slice fell on has a row of each, which add up.
insert into model_days by name
with

flat as (
    select
        calls.model,
        runs.topic,
        runs.task,
        calls.served,
        calls.server,
        coalesce(calls.started_at, runs.started_at) as started_at,
        calls.cached,
        calls.error is not null as failed,
        not calls.cached and calls.error is null as answered,
        coalesce(runs.energy_source = 'measured', false) as measured,
        calls.cost_usd, -- each resource
        calls.prompt_s,
        calls.output_s,
        calls.prompt_tokens,
        -- The time and the energy of a call are those of the tokens that the server did not have in its cache.
        calls.prompt_tokens - coalesce(calls.cached_tokens, 0) as read_tokens,
        calls.output_tokens,
        calls.prompt_chars
    from new_calls as calls
    inner join (select execution_id, topic, task, energy_source, started_at from sliced_executions) as runs
        using (execution_id)
),

known as (
    select
        *,
        answered and prompt_tokens is not null and output_tokens is not null and not cut_short(prompt_chars, prompt_tokens)
            as counted,
        prompt_s is not null and output_s is not null and prompt_s + output_s > 0 as is_split,
        -- the server may have had the prompt in its cache, and does not say how much of it
        prompt_s is null and coalesce(output_s > 0, false) as is_writing
    from flat
)

select
    model,
    topic,
    task,
    served,
    server,
    started_at::date as day,
    count(*) filter (not cached) as n_calls,
    count(*) filter (not cached and failed) as n_failed,
    count(*) filter (cached) as n_cached,
    moments(case when not cached then cost_usd end) as cost_usd, -- each additive
    moments(case when answered then latency_s end) as latency_s,
    moments(case when answered then prompt_tokens::double end) as prompt_tokens,
    moments(case when answered then output_tokens::double end) as output_tokens,
    coalesce(sum(prompt_chars::double) filter (answered and prompt_tokens > 0 and not cut_short(prompt_chars, prompt_tokens)), 0.0) as counted_prompt_chars,
    coalesce(sum(prompt_tokens::double) filter (answered and prompt_chars is not null and not cut_short(prompt_chars, prompt_tokens)), 0.0) as counted_prompt_tokens,
    {
        'n': count(*) filter (counted and cost_usd is not null),
        'usd': coalesce(sum(cost_usd) filter (counted), 0.0),
        'prompt_tokens': coalesce(sum(prompt_tokens::double) filter (counted and cost_usd is not null), 0.0),
        'output_tokens': coalesce(sum(output_tokens::double) filter (counted and cost_usd is not null), 0.0)
    } as priced,
    {
        'n': count(*) filter (counted and measured and energy_j is not null),
        'joules': coalesce(sum(energy_j) filter (counted and measured), 0.0),
        'prompt_tokens': coalesce(sum(read_tokens::double) filter (counted and measured and energy_j is not null), 0.0),
        'output_tokens': coalesce(sum(output_tokens::double) filter (counted and measured and energy_j is not null), 0.0)
    } as metered,
    {
        'n': count(*) filter (counted and not (is_split or is_writing) and latency_s > 0),
        'seconds': coalesce(sum(latency_s) filter (counted and not (is_split or is_writing)), 0.0),
        'prompt_tokens': coalesce(sum(read_tokens::double) filter (counted and not (is_split or is_writing) and latency_s > 0), 0.0),
        'output_tokens': coalesce(sum(output_tokens::double) filter (counted and not (is_split or is_writing) and latency_s > 0), 0.0)
    } as timed,
    {
        'n': count(*) filter (counted and (is_split or is_writing) and latency_s > 0),
        'prompt_s': coalesce(sum(latency_s * prompt_s / (prompt_s + output_s)) filter (counted and is_split and latency_s > 0), 0.0),
        'output_s': coalesce(sum(
            case when is_split then latency_s * output_s / (prompt_s + output_s) else output_s end
        ) filter (counted and (is_split or is_writing) and latency_s > 0), 0.0),
        'prompt_tokens': coalesce(sum(read_tokens::double) filter (counted and is_split and latency_s > 0), 0.0),
        'output_tokens': coalesce(sum(output_tokens::double) filter (counted and (is_split or is_writing) and latency_s > 0), 0.0)
    } as split,
    min(started_at) as first_seen,
    max(started_at) as last_seen
from known
group by model, topic, task, served, server, day
order by model, topic, task, served, server, day;
