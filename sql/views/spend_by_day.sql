-- What was spent. Grain: one row per day × topic × model.
create or replace view spend_by_day as
select
    day,
    topic,
    model,
    sum(n_calls)::bigint as n_calls,
    sum(n_failed)::bigint as n_failed,
    sum(n_cached)::bigint as n_cached,
    case when sum(cost_usd.n) > 0 then sum(cost_usd.total) end as cost_usd, -- each additive
    (sum(n_calls) - sum(cost_usd.n))::bigint as n_calls_without_cost,
    sum(prompt_tokens.total)::bigint as prompt_tokens,
    sum(output_tokens.total)::bigint as output_tokens
from model_days
group by day, topic, model
order by day, topic, model;
comment on view spend_by_day is 'Calls, tokens and what adds up (USD, joules) per day (UTC), topic and model.';
comment on column spend_by_day.cost_usd is 'USD of the calls whose cost is known. NULL if none is.';
comment on column spend_by_day.n_calls_without_cost is 'Calls whose cost is unknown: they are not free.';
comment on column spend_by_day.n_cached is 'Answers taken from an earlier call, which cost nothing.';
