-- Spend of a run (NULL: of all runs). Grain: one row per model × topic.
select
    model,
    topic,
    sum(n_calls)::bigint as n_calls,
    sum(n_cached)::bigint as n_cached,
    sum(n_failed)::bigint as n_failed,
    sum(cost_usd) as cost_usd, -- each additive
    sum(n_calls_without_cost)::bigint as n_calls_without_cost,
    sum(busy_s) as busy_s,
    sum(output_tokens)::bigint as output_tokens
from chart_spend
where $run is null or run_id = $run
group by model, topic
order by model, topic
