-- Bars of the chart "spend". Grain: one row per run × model × topic.
create or replace view chart_spend as
select
    executions.run_id,
    calls.model,
    executions.topic,
    count(*) filter (not calls.cached) as n_calls,
    count(*) filter (calls.cached) as n_cached,
    count(*) filter (calls.error is not null) as n_failed,
    sum(calls.cost_usd) filter (not calls.cached) as cost_usd, -- each additive
    count(*) filter (not calls.cached and calls.cost_usd is null) as n_calls_without_cost,
    sum(calls.latency_s) filter (not calls.cached) as busy_s,
    sum(calls.prompt_tokens) filter (not calls.cached)::bigint as prompt_tokens,
    sum(calls.output_tokens) filter (not calls.cached)::bigint as output_tokens
from calls
inner join executions using (execution_id)
group by executions.run_id, calls.model, executions.topic
order by executions.run_id, calls.model, executions.topic;
comment on view chart_spend is 'Chart: calls, tokens and what adds up (USD, joules) by model and topic of the question; one row per run × model × topic.';
comment on column chart_spend.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column chart_spend.model is 'Model that was called.';
comment on column chart_spend.topic is 'Topic of the questions; * for those without one.';
comment on column chart_spend.n_calls is 'Calls made, those that failed included, those from the cache not.';
comment on column chart_spend.n_cached is 'Outputs taken from an earlier call, which cost nothing.';
comment on column chart_spend.n_failed is 'Calls that ended in an error.';
comment on column chart_spend.cost_usd is 'Total cost of the calls whose cost is known; the unit is in the name. NULL if it is known of none.'; -- each additive
comment on column chart_spend.n_calls_without_cost is 'Calls whose cost is unknown: they are not free.';
comment on column chart_spend.busy_s is 'Seconds that the model worked.';
comment on column chart_spend.prompt_tokens is 'Tokens of the prompts, as servers count them.';
comment on column chart_spend.output_tokens is 'Tokens of the outputs, as servers count them.';
