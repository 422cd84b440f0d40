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
comment on column spend_by_day.day is 'Day (UTC). NULL if no start was recorded.';
comment on column spend_by_day.topic is 'Topic of the questions; * for those without one.';
comment on column spend_by_day.model is 'Model that was called.';
comment on column spend_by_day.n_calls is 'Calls made, those that failed included, those from the cache not.';
comment on column spend_by_day.n_failed is 'Calls that ended in an error.';
comment on column spend_by_day.n_cached is 'Answers taken from an earlier call, which cost nothing.';
comment on column spend_by_day.cost_usd is 'Total cost of the calls whose cost is known; the unit is in the name. NULL if it is known of none.'; -- each additive
comment on column spend_by_day.n_calls_without_cost is 'Calls whose cost is unknown: they are not free.';
comment on column spend_by_day.prompt_tokens is 'Tokens of the prompts, as servers count them.';
comment on column spend_by_day.output_tokens is 'Tokens of the outputs, as servers count them.';
