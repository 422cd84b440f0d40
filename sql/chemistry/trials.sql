-- Trials of models (temp table trials). Grain: one row per topic × trial × model.
-- From traces a trial is a question: a model's accuracy there is the mean QoA of its outputs without context
-- (lone_answers), its quality ten times that. What reviews and histories say comes as it is. Only models that are served
-- now count, by the weights that answered.
create or replace temp table trials as
with

questions as (
    select topic, question_key, model, sum(total) / sum(n) as accuracy
    from lone_answers
    left join models using (model)
    where coalesce(lone_answers.served = models.served, true)
    group by topic, question_key, model
),

judged as (
    select
        topic,
        question_key::varchar as trial,
        model,
        10 * accuracy as quality,
        accuracy,
        'traces' as source
    from questions
),

reviewed as (
    select
        topic,
        trial,
        model,
        avg(quality) as quality,
        avg(accuracy) as accuracy,
        case when any_value(run_id) is null then 'histories' else 'reviews' end as source
    from model_trials
    where quality is not null and accuracy is not null
    group by topic, trial, model
)

select topic, trial, model, quality, accuracy, source from judged
union all
select topic, trial, model, quality, accuracy, source from reviewed;
