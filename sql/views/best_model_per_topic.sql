-- The model that is surest to answer well: that with the highest lower end of the 95 % interval of its quality. Grain:
-- one row per topic × task, topic * included.
-- Once models have been called only these compete: one that is known from a published figure alone may not be served
-- here. Where a model has met the task (the form of the answer), on whatever topic, one that never did comes behind it:
-- reading well is no sign of writing code well. A model without a figure for the topic and task competes with its
-- published one for the topic, else with that for the task.
--
-- The interval is Wilson's score interval (Wilson 1927, Journal of the American Statistical Association 22, 209-212)
-- on n = strength of the prior + weight of the observations: unlike mean ± 1.96 standard errors it keeps a width where
-- all answers are right, so that one right answer does not beat many of which most are.
create or replace view best_model_per_topic as
with

topics as (
    select distinct topic, task from plan_days where topic not in ('*', 'open', 'choice')
    union
    -- not what only a length is expected of, of answers that nobody gave
    select distinct topic, task from model_figures where task <> '*' and (metric = 'qoa' or n_observations > 0)
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
        arg_max(figures, 2 * (figures.topic = topics.topic)::integer + (figures.task = topics.task)::integer) as figure,
        bool_or(figures.task = topics.task and figures.n_observations > 0) as met
    from topics
    inner join model_figures as figures
        on (figures.topic = topics.topic and figures.task in (topics.task, '*'))
        or (figures.topic = '*' and figures.task = topics.task)
    semi join competing on competing.model = figures.model
    where figures.metric = 'qoa'
    group by topics.topic, topics.task, figures.model
),

strengths as (
    select
        coalesce(max(strength) filter (scope = 'model'), 5) as of_models,
        coalesce(max(strength) filter (scope = 'topic'), 5) as of_topics
    from prior_strengths
    where metric = 'qoa'
),

known as (
    select
        candidates.topic,
        candidates.task,
        candidates.model,
        candidates.met,
        figure.value as qoa,
        figure.n_observations as n_observations,
        figure.n_questions as n_questions,
        figure.provenance as provenance,
        case
            when figure.n_observations = 0 then 'only a prior'
            when figure.topic <> candidates.topic then 'all topics'
            when figure.task <> candidates.task then 'all tasks'
            else 'observed'
        end as basis,
        -- What was found on all topics says of one as much as a start of it does: the spread between topics adds up;
        -- with tasks likewise.
        1 / (
            1 / nullif(coalesce(figure.prior_strength, 0) + figure.weight, 0)
            + case when figure.topic = candidates.topic then 0 else 1 / strengths.of_topics end
            + case when figure.task = candidates.task then 0 else 1 / strengths.of_models end
        ) as n,
        -- Few answers say little of their spread: it is drawn to the widest there is for a mean between 0 and 1.
        (
            coalesce(figure.prior_strength, strengths.of_models) * figure.value * (1 - figure.value)
            + figure.weight * coalesce(statistics.var_qoa, figure.value * (1 - figure.value))
        ) / (coalesce(figure.prior_strength, strengths.of_models) + figure.weight) as spread
    from candidates
    cross join strengths
    left join plan_statistics as statistics
        on statistics.topic = figure.topic and statistics.task = figure.task
        and statistics.plan_key = '1:0:' || replace(candidates.model, '>', ' >')
),

intervals as (
    select
        *,
        (qoa + 1.96 ^ 2 / (2 * n)) / (1 + 1.96 ^ 2 / n) as middle,
        1.96 * sqrt(spread / n + (1.96 / (2 * n)) ^ 2) / (1 + 1.96 ^ 2 / n) as half_width
    from known
),

ranked as (
    select
        *,
        row_number() over ranks as place,
        -- none where the next has never met the task: that is another measure
        case when lead(met) over ranks = met then lead(model) over ranks end as runner_up,
        case when lead(met) over ranks = met then lead(qoa) over ranks end as runner_up_qoa
    from intervals
    window ranks as (
        partition by topic, task
        order by met desc, middle - half_width desc nulls last, qoa desc, n_observations desc, model
    )
)

select
    topic,
    task,
    model,
    qoa,
    case when n_observations > 0 then greatest(0.0, middle - half_width) end as qoa_low,
    case when n_observations > 0 then least(1.0, middle + half_width) end as qoa_high,
    n_observations,
    coalesce(n_questions, 0) as n_questions,
    basis,
    runner_up,
    runner_up_qoa,
    provenance
from ranked
where place = 1
order by topic, task;
comment on view best_model_per_topic is 'The single model that is surest to answer well per topic and task: the highest lower end of the 95 % interval of the quality, where a prior counts as the observations that it is worth. Topic * is all questions of the task.';
comment on column best_model_per_topic.topic is 'Topic; * for all questions of the task.';
comment on column best_model_per_topic.task is 'open, or choice (one option or several).';
comment on column best_model_per_topic.model is 'The model that is surest to answer well, of those that were called; of all, where none was. One that was never judged on the task is named only where none was, and basis says so.';
comment on column best_model_per_topic.qoa is 'Quality as in model_figures, 0 to 1: what was judged, drawn to the prior if there is one.';
comment on column best_model_per_topic.qoa_low is 'Lower end of the 95 % interval (Wilson), by which models are ranked. NULL without observations.';
comment on column best_model_per_topic.qoa_high is 'Upper end of the 95 % interval. NULL without observations.';
comment on column best_model_per_topic.n_observations is 'Judged answers behind the quality: of the topic and task, or of all where basis says so.';
comment on column best_model_per_topic.n_questions is 'Distinct questions behind n_observations: the interval counts each once.';
comment on column best_model_per_topic.basis is 'observed: answers in the topic were judged; all topics: answers of the model were judged, but none in this topic; all tasks: likewise, but none of this task; only a prior: none was judged.';
comment on column best_model_per_topic.runner_up is 'The next model by the lower end.';
comment on column best_model_per_topic.runner_up_qoa is 'Its quality, which may be higher but less sure. NULL if there is no other model that was judged on the task.';
comment on column best_model_per_topic.provenance is 'One line that says on what the quality stands.';
