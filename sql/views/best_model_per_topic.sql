-- The model with the highest quality, with a 95 % interval. Grain: one row per topic × task, topic * included.
-- Once models have been called only these compete: one that is known from a published figure alone may not be served here.
-- A model without a figure for the topic and task competes with its published one for the topic, else with that for
-- the task.
create or replace view best_model_per_topic as
with

topics as (
    select distinct topic, task from plan_days where topic not in ('*', 'open', 'choice')
    union
    select distinct topic, task from model_figures where task <> '*'
),

-- Grain: one row per model that competes.
competing as (
    select model from models where n_calls > 0 or not exists (from models where n_calls > 0)
),

candidates as (
    select
        topics.topic,
        topics.task,
        figures.model,
        arg_max(figures, 2 * (figures.topic = topics.topic)::integer + (figures.task = topics.task)::integer) as figure
    from topics
    inner join model_figures as figures
        on (figures.topic = topics.topic and figures.task in (topics.task, '*'))
        or (figures.topic = '*' and figures.task = topics.task)
    semi join competing on competing.model = figures.model
    where figures.metric = 'qoa'
    group by topics.topic, topics.task, figures.model
),

known as (
    select
        candidates.topic,
        candidates.task,
        candidates.model,
        figure.value as qoa,
        figure.n_observations as n_observations,
        figure.n_questions as n_questions,
        -- Without a measured spread the widest one there is for a mean between 0 and 1.
        1.96 * sqrt(
            coalesce(nullif(statistics.var_qoa, 0), figure.value * (1 - figure.value))
            / nullif(coalesce(figure.prior_strength, 0) + figure.weight, 0)
        ) as half_width,
        figure.provenance as provenance
    from candidates
    left join plan_statistics as statistics
        on statistics.topic = candidates.topic and statistics.task = candidates.task
        and statistics.plan_key = '1:0:' || replace(candidates.model, '>', ' >')
),

ranked as (
    select
        *,
        row_number() over ranks as place,
        lead(model) over ranks as runner_up,
        lead(qoa) over ranks as runner_up_qoa
    from known
    window ranks as (partition by topic, task order by qoa desc, n_observations desc, model)
)

select
    topic,
    task,
    model,
    qoa,
    case when n_observations > 0 then greatest(0.0, qoa - half_width) end as qoa_low,
    case when n_observations > 0 then least(1.0, qoa + half_width) end as qoa_high,
    n_observations,
    coalesce(n_questions, 0) as n_questions,
    case when n_observations > 0 then 'observed' else 'only a prior' end as basis,
    runner_up,
    runner_up_qoa,
    provenance
from ranked
where place = 1
order by topic, task;
comment on view best_model_per_topic is 'The single model with the highest quality per topic and task, with a 95 % interval where there are observations. Topic * is all questions of the task.';
comment on column best_model_per_topic.topic is 'Topic; * for all questions of the task.';
comment on column best_model_per_topic.task is 'open, or choice (one option or several).';
comment on column best_model_per_topic.model is 'The model with the highest quality, of those that were called; of all, where none was.';
comment on column best_model_per_topic.qoa is 'Quality that planners use, 0 to 1.';
comment on column best_model_per_topic.qoa_low is 'Lower end of the 95 % interval. NULL without observations.';
comment on column best_model_per_topic.qoa_high is 'Upper end of the 95 % interval. NULL without observations.';
comment on column best_model_per_topic.n_observations is 'Judged answers behind the quality.';
comment on column best_model_per_topic.n_questions is 'Distinct questions behind n_observations: the interval counts each once.';
comment on column best_model_per_topic.basis is 'observed, or only a prior: nobody has judged an answer of the model there yet.';
comment on column best_model_per_topic.runner_up is 'The model with the next quality.';
comment on column best_model_per_topic.runner_up_qoa is 'Its quality. NULL if there is no other model.';
comment on column best_model_per_topic.provenance is 'One line that says on what the quality stands.';
