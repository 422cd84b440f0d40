-- A night against what was known before it. Grain: one row per rule × subject (a model with its prompt set, as plans
-- name it; * for all together).
--
-- told is by how much the new rows are off for certain: a factor, or a difference of qualities and shares. It is NULL
-- where there are too few to tell: below 30 new or 30 known ones, or for plans and topics that are new.
create or replace temp macro certain_factor(known, new, error, least) as case
    when new >= known then greatest(1.0, (new - 1.96 * error) / greatest(known, least))
    else least(1.0, greatest(new + 1.96 * error, least) / greatest(known, least))
end;
create or replace temp macro certain_change(change, error) as
    case when change > 0 then greatest(0.0, change - 1.96 * error) else least(0.0, change + 1.96 * error) end;
create or replace temp macro nearer_1(a, b) as case when abs(ln(b)) < abs(ln(a)) then b else a end;

create or replace temp table night_compared as
with

-- Means. Like is compared with like: what was known of each plan, topic, task and weights, as often as the night has it.
summed as materialized (
    select
        topic, task, plan_key, served,
        rowid > getvariable('known_days') as is_new,
        added(cost_usd) as cost_usd, -- each metric
        added(output_tokens) as output_tokens
    from plan_days
    group by topic, task, plan_key, served, is_new
),

strata as (
    select
        plans.sink_model as model,
        unnest([
            {'metric': 'cost_usd', 'known': known.cost_usd, 'new': night.cost_usd}, -- each metric
            {'metric': 'output_tokens', 'known': known.output_tokens, 'new': night.output_tokens}
        ]) as sums
    from (from summed where is_new) as night
    inner join (from summed where not is_new) as known using (topic, task, plan_key, served)
    inner join plans using (plan_key)
),

parts as (
    select
        model,
        sums.metric as metric,
        sums.known.n as n_known,
        mean_of(sums.known) as known,
        coalesce(variance_of(sums.known), 0) as variance,
        sums.new.n as n_new,
        sums.new.total as total,
        sums.new.squares as squares
    from strata
),

means as (
    select
        metric,
        coalesce(model, '*') as subject,
        sum(n_known)::bigint as n_known,
        sum(n_new)::bigint as n_new,
        sum(n_new * known) / sum(n_new) as known,
        sum(total) / sum(n_new) as new,
        sum(n_known * known) / sum(n_known) as known_mean,
        (sum(n_known * known) + sum(total)) / sum(n_known + n_new) as mean_of_both,
        -- How sure the change is: new rows scatter around what was known of their kind, which is not sure itself.
        sqrt(
            greatest(0, sum(squares - 2 * known * total + n_new * known * known)
                - (sum(total) - sum(n_new * known)) ^ 2 / sum(n_new)) / nullif(sum(n_new) - 1, 0) / sum(n_new)
            + sum(n_new * n_new * variance / n_known) / sum(n_new) ^ 2
        ) as error
    from parts
    where n_known >= 3 and n_new > 0
    group by grouping sets ((metric, model), (metric))
),

-- Prices. They do not scatter, so sums are compared: with the published price and, if there is none or the model was
-- never called at it, with the one that was paid before. A published price that is new is held against all calls.
published as (
    select
        model,
        max(value) filter (metric = 'usd_per_call') as call_usd,
        max(value) filter (metric = 'usd_per_prompt_token') as prompt_usd,
        max(value) filter (metric = 'usd_per_output_token') as output_usd
    from published_figures
    where topic = '*' and task = '*'
    group by model
),

new_prices as (
    select distinct model, true as is_new from priors
    where ingestion > getvariable('last_ingestion') and starts_with(metric, 'usd_per_') and topic = '*'
),

stepped_prices as (
    select distinct model from prices where above_tokens > 0 or hour_from is not null
),

calls_priced as (
    select
        now.model,
        coalesce(new_prices.is_new, false) as published_anew,
        coalesce(known.n_priced, 0) as n_known,
        coalesce(known.usd, 0) as known_usd,
        coalesce(known.prompt_tokens + known.output_tokens, 0) as known_tokens,
        coalesce(call_usd, 0) * known.n_priced + prompt_usd * known.prompt_tokens + output_usd * known.output_tokens
            as known_published,
        now.n_priced - case when published_anew then 0 else n_known end as n_new,
        now.usd - case when published_anew then 0 else known_usd end as usd,
        now.prompt_tokens + now.output_tokens
            - case when published_anew then 0 else known_tokens end as tokens,
        coalesce(call_usd, 0) * now.n_priced + prompt_usd * now.prompt_tokens + output_usd * now.output_tokens
            - case when published_anew then 0 else coalesce(known_published, 0) end as published
    -- a price that depends on hour or length is none of the mean call's
    from (select * from summed_models anti join stepped_prices using (model)) as now
    left join known_models as known using (model)
    left join published using (model)
    left join new_prices using (model)
),

prices as (
    select
        model,
        n_known,
        n_new,
        usd / nullif(n_new, 0) as new,
        coalesce(published, tokens * known_usd / nullif(known_tokens, 0)) / nullif(n_new, 0) as known,
        new / nullif(known, 0) as off,
        case
            when n_known >= 30 and not published_anew and known_published > 0 and known_usd > 0
                then off / (known_usd / known_published)
            else off
        end as off_from_before
    from calls_priced
    where published is not null or n_known >= 30
),

-- Characters per token: prompts that were cut, or counted otherwise.
prompts as (
    select
        model,
        known.n_prompts as n_known,
        now.n_prompts - known.n_prompts as n_new,
        known.prompt_chars / nullif(known.counted_tokens, 0) as known,
        (now.prompt_chars - known.prompt_chars) / nullif(now.counted_tokens - known.counted_tokens, 0) as new
    from summed_models as now
    inner join known_models as known using (model)
),

-- Shares of executions: of those of late, however much history there is.
runs as (
    select
        ingestion > getvariable('last_ingestion') as is_new,
        status = 'failed' as failed,
        -- Without a reference there is nothing to judge by.
        case when status = 'answered' and nullif(trim(reference), '') is not null then qoa is null end as unjudged
    from executions
    where ingestion > (select first_ingestion from drift_window)
),

shares as (
    select
        unnest([
            {
                'rule': 'failed_share', 'n_known': count(*) filter (not is_new), 'n_new': count(*) filter (is_new),
                'known': avg(failed::integer) filter (not is_new), 'new': avg(failed::integer) filter (is_new)
            },
            {
                'rule': 'unjudged_share', 'n_known': count(unjudged) filter (not is_new),
                'n_new': count(unjudged) filter (is_new),
                'known': avg(unjudged::integer) filter (not is_new), 'new': avg(unjudged::integer) filter (is_new)
            }
        ], recursive := true)
    from runs
),

together as (
    select
        'mean_' || metric as rule, subject, n_known, n_new, known, new,
        case
            when least(n_new, n_known) < 30 then
                -- A few rows cannot tell that a model got dearer, but they can spoil what is published.
                case when metric = 'cost_usd' and n_known >= 30 then certain_factor(known_mean, mean_of_both, 0, 1e-6) end
            when metric = 'qoa' then certain_change(new - known, error)
            when metric = 'output_tokens' then certain_factor(known, new, error, 1)
            else certain_factor(known, new, error, 1e-6)
        end as told
    from means
    union all
    select
        'price', model, n_known, n_new, known, new,
        -- What a local model's current costs and what a provider asks for the same name can differ by thousands: below a
        -- cent a call that is nobody's mistake.
        case
            when n_new >= 30 and off > 0 and off_from_before > 0 and greatest(known, new) >= 0.01
                then nearer_1(off, off_from_before)
        end
    from prices
    union all
    select
        'chars_per_token', model, n_known, n_new, known, new,
        case when n_new >= 30 and n_known >= 30 and new > 0 and known > 0 then new / known end
    from prompts
    union all
    select
        rule, '*', n_known, n_new, known, new,
        case when n_new >= 30 and n_known >= 30
            then certain_change(new - known, sqrt(new * (1 - new) / n_new + known * (1 - known) / n_known)) end
    from shares
)

select rule, subject, n_known::bigint as n_known, n_new::bigint as n_new, known, new, told
from together
where n_new > 0 and new is not null
order by rule, subject;
