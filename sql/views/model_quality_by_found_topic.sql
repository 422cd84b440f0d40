-- How good models are on questions without a topic, by what those are about. Grain: one row per topic × task × model.
-- Each question counts once for a model: with the mean of its judged answers.
create or replace view model_quality_by_found_topic as
with

judged as (
    select question_key, task, model, sum(total) / sum(n) as qoa
    from past_qualities
    left join models using (model)
    where coalesce(past_qualities.served = models.served, true)
    group by question_key, task, model
    having sum(n) > 0
),

of_topics as (
    select
        about.topic,
        any_value(about.source) as source,
        judged.task,
        judged.model,
        count(*) as n_questions,
        avg(qoa) as qoa,
        coalesce(nullif(var_samp(qoa), 0), avg(qoa) * (1 - avg(qoa))) as variance,
        sum(qoa) as total
    from judged
    inner join question_topics as about using (question_key)
    where about.topic is not null
    group by about.topic, judged.task, judged.model
),

of_all as (
    select task, model, sum(n_questions) as n_questions, sum(total) as total
    from of_topics
    group by task, model
)

select
    of_topics.topic,
    of_topics.source,
    of_topics.task,
    of_topics.model,
    of_topics.n_questions,
    of_topics.qoa,
    greatest(0.0, qoa - 1.96 * sqrt(variance / of_topics.n_questions)) as qoa_low,
    least(1.0, qoa + 1.96 * sqrt(variance / of_topics.n_questions)) as qoa_high,
    (of_all.total - of_topics.total) / nullif(of_all.n_questions - of_topics.n_questions, 0) as qoa_elsewhere,
    rank() over (
        partition by of_topics.topic, of_topics.task order by of_topics.qoa desc, of_topics.n_questions desc, of_topics.model
    ) as place
from of_topics
inner join of_all using (task, model)
order by topic, task, place;
comment on view model_quality_by_found_topic is 'Quality of models alone on questions that came without a topic, by what those are about (question_topics); one row per topic × task × model, place 1 the best. Plans do not use it.';
comment on column model_quality_by_found_topic.topic is 'Topic that was found or is shipped; * for questions far from all.';
comment on column model_quality_by_found_topic.source is 'found or shipped.';
comment on column model_quality_by_found_topic.task is 'open, or choice (one option or several).';
comment on column model_quality_by_found_topic.model is 'Model that was asked alone, or first in a larger plan.';
comment on column model_quality_by_found_topic.n_questions is 'Distinct questions on which it was judged.';
comment on column model_quality_by_found_topic.qoa is 'Its mean quality on them, 0 to 1.';
comment on column model_quality_by_found_topic.qoa_low is 'Lower end of the 95 % interval.';
comment on column model_quality_by_found_topic.qoa_high is 'Upper end of the 95 % interval.';
comment on column model_quality_by_found_topic.qoa_elsewhere is 'Its mean quality on the other questions of the task without a topic. NULL if there are none.';
comment on column model_quality_by_found_topic.place is 'Place of the model on the topic and task, 1 for the highest quality.';
