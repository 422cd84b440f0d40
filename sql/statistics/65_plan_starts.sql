-- Observations and starting values of plans. Grain: one row per topic × task × plan, topic * for all
-- topics together.

-- Observations, recency-weighted but for the counts. Questions without a topic count in the row of all topics only.
create or replace temp table observed_plans as
select
    coalesce(topic, '*') as topic,
    task,
    plan_key,
    sum(n_executions)::bigint as n_executions,
    sum(n_subplans)::bigint as n_subplans,
    sum(n_failed)::bigint as n_failed,
    sum(n_energy_measured)::bigint as n_energy_measured,
    sum(n_cost_usd)::bigint as n_cost_usd, -- each metric
    sum(n_output_tokens)::bigint as n_output_tokens,
    sum(n_questions)::bigint as n_questions,
    added(cost_usd) as cost_usd, -- each metric
    added(independent_qoa) as independent_qoa,
    added(output_tokens) as output_tokens,
    added(question_chars) as question_chars,
    added(predicted_cost_usd) as predicted_cost_usd, -- each metric
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from current_plans
group by grouping sets ((topic, task, plan_key), (task, plan_key))
having grouping(topic) = 1 or topic not in ('*', 'open', 'choice');

-- Where a plan starts: from what is published for it (for its task, else for any) or, for the quality of a single
-- model, from its prior and, for that of a composed plan, from what its last model does alone.
create or replace temp table plan_starts as
with

rows_wanted as (
    select topic, task, plan_key from observed_plans
    union
    select topic, task, plan_key from published_plans
),

with_published as (
    select
        wanted.*,
        case when exact.plan_key is not null then exact else loose end as published
    from rows_wanted as wanted
    left join published_plans as exact
        on exact.topic = wanted.topic and exact.task = wanted.task and exact.plan_key = wanted.plan_key
    left join published_plans as loose
        on loose.topic = wanted.topic and loose.task = '*' and loose.plan_key = wanted.plan_key
),

qualities as (
    select model, topic, task, value, prior_value, prior_source, prior_strength from model_figures where metric = 'qoa'
)

select
    wanted.topic,
    wanted.task,
    wanted.plan_key,
    wanted.published,
    case
        when published.qoa is not null then published.qoa
        when plans.operations > 1 then coalesce(own.value, tasks.value, wide.value)
        else coalesce(own.prior_value, tasks.prior_value)
    end as start,
    case
        when published.qoa is not null then published.source
        when plans.operations > 1 then plans.sink_model || ' alone'
        else coalesce(own.prior_source, 'the model on ' || nullif(wanted.task, '*') || ' questions')
    end as source,
    -- What the prior of a single model counts as; NULL: as starts of its kind do.
    case when published.qoa is null and plans.operations = 1 then own.prior_strength end as start_strength,
    plans.operations > 1 as composed
from with_published as wanted
inner join plans using (plan_key)
left join qualities as own
    on own.model = plans.sink_model and own.topic = wanted.topic and own.task = wanted.task
left join qualities as tasks
    on tasks.model = plans.sink_model and tasks.topic = '*' and tasks.task = wanted.task
left join qualities as wide
    on wide.model = plans.sink_model and wide.topic = '*' and wide.task = '*';
