-- What was observed of single models; n counts, weight is n after recency weighting, of the quality n_questions.

-- Quality and output length depend on the questions. Grain: one row per model × task × topic × metric.
create or replace temp table observed_means as
with

parts as (
    select
        model, task, topic, 'output_tokens' as metric, output_tokens.n as n, null as n_questions,
        aged(output_tokens, weight) as m
    from current_model_days
    union all
    -- The quality of a model is that of the plan that is the model alone.
    select
        plans.sink_model, task, topic, 'qoa', n_qoa, n_questions, independent_qoa
    from current_plans
    inner join plans using (plan_key)
    where plans.operations = 1
)

select
    model,
    task,
    topic,
    metric,
    sum(n)::bigint as n,
    sum(n_questions)::bigint as n_questions,
    sum(m.n) as weight,
    sum(m.total) as total,
    sum(m.squares) as squares
from parts
group by model, task, topic, metric
having sum(n) > 0;

-- Rates per token belong to model and machine, whatever is asked. Grain: one row per model × metric.
-- spread is the squared coefficient of variation of single calls.
create or replace temp table observed_rates as
with

-- Where a server tells only the whole latency, it is divided between prompt and output as the published speeds
-- say; if none are, every token takes the same time (the single rate of section 4.2). Energy likewise.
published as (
    select
        model,
        max(value) filter (metric = 'seconds_per_prompt_token') as prompt_s,
        max(value) filter (metric = 'seconds_per_output_token') as output_s,
        max(value) filter (metric = 'joules_per_prompt_token') as prompt_j,
        max(value) filter (metric = 'joules_per_output_token') as output_j,
        count(*) filter (metric in ('usd_per_prompt_token', 'usd_per_output_token')) > 0 as priced
    from published_figures
    where topic = '*' and task = '*'
    group by model
),

summed as (
    select
        model,
        sum(output_tokens.n)::bigint as n,
        sum(weight * output_tokens.n) as n_weight,
        sum(weight * counted_prompt_chars) as chars,
        sum(weight * counted_prompt_tokens) as char_tokens,
        added(latency_s) as latency_s,
        added(energy_j) as energy_j,
        sum(timed.n + split.n)::bigint as timed_n,
        sum(weight * (timed.n + split.n)) as timed_weight,
        sum(weight * timed.seconds) as timed_s,
        sum(weight * timed.prompt_tokens) as timed_prompt,
        sum(weight * timed.output_tokens) as timed_output,
        sum(weight * split.prompt_s) as split_prompt_s,
        sum(weight * split.output_s) as split_output_s,
        sum(weight * split.prompt_tokens) as split_prompt,
        sum(weight * split.output_tokens) as split_output,
        sum(metered.n)::bigint as metered_n,
        sum(weight * metered.n) as metered_weight,
        sum(weight * metered.joules) as joules,
        sum(weight * metered.prompt_tokens) as metered_prompt,
        sum(weight * metered.output_tokens) as metered_output,
        sum(priced.n)::bigint as priced_n,
        sum(weight * priced.n) as priced_weight,
        sum(weight * priced.usd) as usd,
        sum(weight * priced.prompt_tokens) as priced_prompt,
        sum(weight * priced.output_tokens) as priced_output
    from current_model_days
    group by model
),

with_rates as (
    select
        summed.*,
        variance_of(latency_s) / nullif(mean_of(latency_s) ^ 2, 0) as latency_spread,
        variance_of(energy_j) / nullif(mean_of(energy_j) ^ 2, 0) as energy_spread,
        coalesce(published.prompt_s, split_prompt_s / nullif(split_prompt, 0), 1) as prompt_s,
        coalesce(published.output_s, split_output_s / nullif(split_output, 0), 1) as output_s,
        coalesce(published.prompt_j, 1) as prompt_j,
        coalesce(published.output_j, 1) as output_j,
        coalesce(published.priced, false) as has_price
    from summed
    left join published using (model)
),

divided as (
    select
        *,
        coalesce(timed_s / nullif(prompt_s * timed_prompt + output_s * timed_output, 0), 0) as slower,
        joules / nullif(prompt_j * metered_prompt + output_j * metered_output, 0) as hungrier
    from with_rates
),

figures as (
    select
        model, 'chars_per_token' as metric, n, n_weight as weight, null::double as spread,
        chars / nullif(char_tokens, 0) as value
    from divided
    union all
    select
        model, 'seconds_per_prompt_token', timed_n, timed_weight, latency_spread,
        (split_prompt_s + slower * prompt_s * timed_prompt) / nullif(split_prompt + timed_prompt, 0)
    from divided
    union all
    select
        model, 'seconds_per_output_token', timed_n, timed_weight, latency_spread,
        (split_output_s + slower * output_s * timed_output) / nullif(split_output + timed_output, 0)
    from divided
    union all
    select model, 'joules_per_prompt_token', metered_n, metered_weight, energy_spread, hungrier * prompt_j
    from divided
    union all
    select model, 'joules_per_output_token', metered_n, metered_weight, energy_spread, hungrier * output_j
    from divided
    union all
    -- Prices are facts, not estimates: where one is published, nothing is learned over it. Calls of other lengths tell
    -- the two apart (drift/rates); else both are the same.
    select model, unnest(['usd_per_prompt_token', 'usd_per_output_token']), priced_n, priced_weight, null,
        unnest([
            coalesce(told.usd_per_prompt_token, usd / nullif(priced_prompt + priced_output, 0)),
            coalesce(told.usd_per_output_token, usd / nullif(priced_prompt + priced_output, 0))
        ])
    from divided
    left join (from drift_watch where usd_fixed = 0) as told using (model)
    where not has_price
)

select * from figures where n > 0 and value is not null;
