-- Figures of single models. Grain: one row per model × topic × task × metric; a scope with nothing of its own has no
-- row.
--
-- A figure starts from the published one of its scope (task * where the source does not say) or, without one, from the
-- figure of the next wider scope (topic × task → task → any), of which its own observations are left out, so that none
-- counts twice; but the lengths of other forms say nothing of the length of one (starting_figures). A published start
-- weighs as much as prior_strengths says:
--     value = (strength × start + weight × observed mean) / (strength + weight)
-- where weight is the number of observations (for the quality: of distinct questions) after recency weighting. A start
-- that was learned from n observations alone weighs strength × n / (strength + n): its own error adds to what scopes
-- differ by, so that one answer elsewhere counts as less than one here.
delete from model_figures;

create or replace temp macro counted(n, n_questions) as
    'observed n=' || n || case when n_questions < n then ' on ' || n_questions || ' questions' else '' end;
create or replace temp macro told(n, n_questions, source, strength) as case
    when coalesce(n, 0) = 0 then 'prior: ' || source
    when source is null then counted(n, n_questions)
    else counted(n, n_questions) || ', prior worth ' || round(strength, 1) || ': ' || source
end;

-- The figure of a wider scope without the observations of one part of it. What differs by rounding only is nothing.
create or replace temp macro without(wide, strength, part) as shrunk(
    wide.prior_value,
    strength,
    (wide.observed_value * wide.weight - part.total) / nullif(wide.weight - part.weight, 0),
    case when wide.weight - part.weight > 1e-9 * wide.weight then wide.weight - part.weight end
);

-- What a start counts as that was learned from n observations alone.
create or replace temp macro of_observations(strength, n) as strength * n / (strength + n);

-- What a start counts as that was learned from a wider scope without one part of it: its prior and those observations.
create or replace temp macro learned(strength, wide, part) as least(
    strength,
    coalesce(wide.prior_strength, 0) + of_observations(strength, greatest(wide.weight - coalesce(part.weight, 0), 0))
);

-- Any topic and task.
insert into model_figures by name
with

observed as (
    select model, metric, n, null::bigint as n_questions, weight, value from observed_rates
    union all
    select model, metric, sum(n)::bigint, sum(n_questions)::bigint, sum(weight), sum(total) / sum(weight)
    from observed_means
    group by model, metric
),

-- Without a figure for any task: what is published for the tasks that were observed, in their proportion.
tasks as (
    select
        means.model,
        means.metric,
        sum(means.weight * published.value) / sum(means.weight) as value,
        string_agg(distinct published.source, '; ' order by published.source) as source
    from observed_means as means
    inner join published_figures as published
        on published.model = means.model and published.metric = means.metric
        and published.topic = '*' and published.task = means.task
    group by means.model, means.metric
),

published as (
    select
        model,
        metric,
        coalesce(wide.value, tasks.value) as value,
        coalesce(wide.source, tasks.source) as source
    from (select * from published_figures where topic = '*' and task = '*') as wide
    full join tasks using (model, metric)
)

select
    model,
    '*' as topic,
    '*' as task,
    metric,
    coalesce(observed.n, 0) as n_observations,
    observed.n_questions,
    coalesce(observed.weight, 0) as weight,
    observed.value as observed_value,
    published.value as prior_value,
    published.source as prior_source,
    case when published.value is not null then strength end as prior_strength,
    shrunk(published.value, strength, observed.value, observed.weight) as value,
    told(observed.n, observed.n_questions, published.source, strength) as provenance
from published
full join observed using (model, metric)
left join (select metric, strength from prior_strengths where scope = 'model') using (metric)
order by model, metric;

-- Tasks.
insert into model_figures by name
with

observed as (
    select
        model,
        task,
        metric,
        sum(n)::bigint as n,
        sum(n_questions)::bigint as n_questions,
        sum(weight) as weight,
        sum(total) as total
    from observed_means
    group by model, task, metric
),

starts as (
    select
        model,
        task,
        metric,
        observed.n,
        observed.n_questions,
        observed.weight,
        observed.total / observed.weight as observed_value,
        case
            when metric = 'output_tokens' then published.value
            else coalesce(published.value, without(wide, strengths.strength, observed))
        end as start,
        coalesce(published.source, 'the model on other questions') as source,
        case
            when published.value is not null then strengths.strength
            else learned(strengths.strength, wide, observed)
        end as strength
    from (select * from starting_figures where of_task or metric = 'output_tokens') as published
    full join observed using (model, task, metric)
    left join (select * exclude (topic, task) from model_figures where topic = '*' and task = '*') as wide
        using (model, metric)
    left join (select metric, strength from prior_strengths where scope = 'model') as strengths using (metric)
)

select
    model,
    '*' as topic,
    task,
    metric,
    coalesce(n, 0) as n_observations,
    n_questions,
    coalesce(weight, 0) as weight,
    observed_value,
    start as prior_value,
    case when start is not null then source end as prior_source,
    case when start is not null then strength end as prior_strength,
    shrunk(start, strength, observed_value, weight) as value,
    told(n, n_questions, case when start is not null then source end, strength) as provenance
from starts
order by model, task, metric;

-- Topics. A topic may not be called as a scope is: its observations count in the wider scopes only.
insert into model_figures by name
with

observed as (
    select
        means.*,
        means.total / means.weight as observed_value,
        without(tasks, strengths.strength, means) as start,
        learned(topics.strength, tasks, means) as start_strength
    from observed_means as means
    inner join model_figures as tasks
        on tasks.model = means.model and tasks.metric = means.metric
        and tasks.topic = '*' and tasks.task = means.task
    left join (select metric, strength from prior_strengths where scope = 'model') as strengths
        on strengths.metric = means.metric
    left join (select metric, strength from prior_strengths where scope = 'topic') as topics
        on topics.metric = means.metric
    where means.topic not in ('*', 'open', 'choice')
),

starts as (
    select
        model,
        topic,
        task,
        metric,
        observed.n,
        observed.n_questions,
        observed.weight,
        observed.observed_value,
        coalesce(published.value, any_task.value, observed.start) as start,
        coalesce(published.source, any_task.source, 'the model on other ' || task || ' questions') as source,
        case
            when published.value is not null or any_task.value is not null then strengths.strength
            else observed.start_strength
        end as strength
    from (select * from published_figures where topic not in ('*', 'open', 'choice')) as published
    full join observed using (model, topic, task, metric)
    left join (select * exclude (task) from published_figures where task = '*') as any_task
        using (model, topic, metric)
    left join (select metric, strength from prior_strengths where scope = 'topic') as strengths using (metric)
)

select
    model,
    topic,
    task,
    metric,
    coalesce(n, 0) as n_observations,
    n_questions,
    coalesce(weight, 0) as weight,
    observed_value,
    start as prior_value,
    case when start is not null then source end as prior_source,
    case when start is not null then strength end as prior_strength,
    shrunk(start, strength, observed_value, weight) as value,
    told(n, n_questions, case when start is not null then source end, strength) as provenance
from starts
order by model, topic, task, metric;
