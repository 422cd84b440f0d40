-- The observations that count now: those of the weights that are served now, and those of which no server
-- told the weights, be it that it only repeated the name it was asked by. Grain: as plan_days and model_days.
--
-- With a half-life (variable half_life_days) a day's sums weigh 0.5 ^ (age / half-life), age in days before the
-- newest observation, so that the result depends on the data alone and not on the day of the refresh. Counts that
-- are shown as such stay whole; n, total and squares of the structs are weighted.

create or replace temp macro aged(m, weight) as
    {'n': m.n * weight, 'total': m.total * weight, 'squares': m.squares * weight};

-- Where drifted models are distrusted (variable distrust_drifted), what was observed of them before the last drift of
-- quality, latency, length or price no longer counts, as if other weights were served.
create or replace temp table drifted_models as
select model, max(since)::date as since
from drift
inner join models using (model)
where
    getvariable('distrust_drifted')
    and drift.topic = '*' and drift.verdict = 'drifted'
    and drift.served is not distinct from models.served
group by model;

create or replace temp table drifted_plans as
select plan_key, max(since) as since
from (select plan_key, unnest(models) as model from plans)
inner join drifted_models using (model)
group by plan_key;

-- Sets of weights that are served now, with their keys. They are few, and days are many: each set is looked at once.
create or replace temp table current_served as
with

served_now as (
    select coalesce(list(model || '@' || served) filter (served is not null), [])
        || coalesce(list(model || '@' || model), []) as names
    from models
)

select served, key_of_served(served) as served_key
from (select distinct served from plan_days), served_now
where list_has_all(served_now.names, served);

create or replace temp view current_plan_days as
with

newest as (
    select max(day) as day from plan_days
),

weighted as (
    select
        plan_days.*,
        coalesce(0.5 ^ ((newest.day - plan_days.day) / getvariable('half_life_days')::double), 1.0) as weight
    from newest, plan_days
    semi join current_served using (served)
    left join drifted_plans using (plan_key)
    where drifted_plans.since is null or plan_days.day >= drifted_plans.since
)

select
    topic, plan_key, task, day, n_executions, n_subplans, n_failed, n_energy_measured, first_seen, last_seen,
    cost_usd.n as n_cost_usd, -- each metric
    output_tokens.n as n_output_tokens,
    aged(cost_usd, weight) as cost_usd, -- each metric
    aged(output_tokens, weight) as output_tokens,
    aged(question_chars, weight) as question_chars,
    aged(predicted_cost_usd, weight) as predicted_cost_usd, -- each resource
    aged(predicted_qoa, weight) as predicted_qoa
from weighted;

create or replace temp view current_model_days as
with

newest as (
    select max(day) as day from model_days
)

select
    model_days.*,
    coalesce(0.5 ^ ((newest.day - model_days.day) / getvariable('half_life_days')::double), 1.0) as weight
from newest, model_days
inner join models using (model)
left join drifted_models using (model)
where
    (model_days.served is null or model_days.served in (models.served, model_days.model))
    and (drifted_models.since is null or model_days.day >= drifted_models.since);

-- Distinct questions behind the judged answers that count now, and the quality of the plan on them. A question's quality
-- is the mean of its answers: however often it was asked, it counts once, as much as its latest answer does.
-- Grain: one row per topic × task × plan.
create or replace temp table current_plan_questions as
with

newest as (
    select max(day) as day from plan_days
),

weighted as (
    select
        plan_questions.*,
        coalesce(0.5 ^ ((newest.day - plan_questions.day) / getvariable('half_life_days')::double), 1.0) as weight
    from newest, plan_questions
    semi join current_served using (served_key)
    left join drifted_plans using (plan_key)
    where drifted_plans.since is null or plan_questions.day >= drifted_plans.since
),

by_question as (
    select
        topic, task, plan_key,
        max(weight) as weight,
        sum(weight * total) / sum(weight * n) as qoa
    from weighted
    group by topic, task, plan_key, question_key
    having sum(n) > 0
)

select
    topic,
    task,
    plan_key,
    count(*) as n_questions,
    {'n': fsum(weight), 'total': fsum(weight * qoa), 'squares': fsum(weight * qoa * qoa)} as independent_qoa
from by_question
group by topic, task, plan_key;

-- What counts of each plan. Grain: one row per topic × task × plan.
create or replace temp table current_plans as
with

summed as (
    select
        topic,
        task,
        plan_key,
        sum(n_executions) as n_executions,
        sum(n_subplans) as n_subplans,
        sum(n_failed) as n_failed,
        sum(n_energy_measured) as n_energy_measured,
        sum(n_cost_usd) as n_cost_usd, -- each metric
        sum(n_output_tokens) as n_output_tokens,
        added(cost_usd) as cost_usd, -- each metric
        added(output_tokens) as output_tokens,
        added(question_chars) as question_chars,
        added(predicted_cost_usd) as predicted_cost_usd, -- each metric
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from current_plan_days
    group by topic, task, plan_key
)

select summed.*, questions.n_questions, questions.independent_qoa
from summed
left join current_plan_questions as questions using (topic, task, plan_key);
