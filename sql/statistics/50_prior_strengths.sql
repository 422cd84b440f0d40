-- On how many observations a starting value counts, estimated from the data (empirical Bayes, method of moments).
-- Grain: one row per scope × metric.
--
-- A group (a model on a task, a model on a topic) has the true mean θ, drawn with variance τ² around its start m;
-- its n observations scatter with variance σ² around θ. Then the best mixture weighs m as σ²/τ² observations.
-- σ² is the pooled variance within groups. As E[Σ n (mean − m)²] = τ² Σ n + G σ² over G groups,
-- τ² = (Σ n (mean − m)² − G σ²) / Σ n. Quality is taken as it is; other figures are divided by m, so that models of
-- different size can be pooled. The result is kept between 2 and 100, and is 5 below 3 groups.
create or replace temp macro strength_of(n_groups, within, between) as case
    when n_groups < 3 or within is null then 5.0
    when between <= 0 then 100.0
    else greatest(2.0, least(100.0, within / between))
end;
create or replace temp macro basis_of(n_groups, within) as
    case when n_groups < 3 or within is null then 'fixed: fewer than 3 groups' else 'empirical Bayes' end;

delete from prior_strengths;

insert into prior_strengths by name
with

-- Model: what is published against what is observed.
of_tasks as (
    select
        model, '*' as topic, task, metric,
        sum(n) as n, sum(weight) as weight, sum(total) as total, sum(squares) as squares
    from observed_means
    group by model, task, metric
),

mean_groups as (
    select
        'model' as scope,
        metric,
        weight,
        total / weight as mean,
        (squares - total * total / weight) as scatter,
        starting_figures.value as start
    from of_tasks
    left join starting_figures using (model, task, metric)
    union all
    -- Topic: the other topics of the task against the topic.
    select
        'topic',
        means.metric,
        means.weight,
        means.total / means.weight,
        means.squares - means.total * means.total / means.weight,
        (tasks.total - means.total) / nullif(tasks.weight - means.weight, 0)
    from observed_means as means
    inner join of_tasks as tasks
        on tasks.model = means.model and tasks.task = means.task and tasks.metric = means.metric
),

in_units as (
    select
        scope,
        metric,
        weight,
        case when metric = 'qoa' then mean - start else mean / start - 1 end as off,
        case when metric = 'qoa' then scatter else scatter / (start * start) end as scatter
    from mean_groups
    where start is not null and (metric = 'qoa' or start > 0)
),

of_means as (
    select
        scope,
        metric,
        count(*) as n_groups,
        sum(greatest(scatter, 0)) / nullif(sum(weight) - count(*), 0) as within,
        (sum(weight * off * off) - count(*) * within) / sum(weight) as between
    from in_units
    group by scope, metric
),

-- Rates: one group per model.
of_rates as (
    select
        'model' as scope,
        rates.metric,
        count(*) as n_groups,
        avg(spread) as within,
        (sum(weight * (rates.value / published.value - 1) ^ 2) - count(*) * within) / sum(weight) as between
    from observed_rates as rates
    inner join (select * from published_figures where topic = '*' and task = '*' and value > 0) as published
        using (model, metric)
    where spread is not null
    group by rates.metric
),

estimated as (
    select * from of_means
    union all
    select * from of_rates
),

wanted as (
    select scope, metric
    from (values ('model'), ('topic')) as scopes(scope),
    (values
        ('usd_per_output_token'), -- each rate
        ('output_tokens'), ('chars_per_token'), ('qoa')
    ) as metrics(metric)
)

select
    scope,
    metric,
    strength_of(coalesce(n_groups, 0), within, between) as strength,
    basis_of(coalesce(n_groups, 0), within) as basis,
    coalesce(n_groups, 0) as n_groups
from wanted
left join estimated using (scope, metric)
order by scope, metric;
