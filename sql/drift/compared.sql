-- New calls (temp table drift_figures) against the baseline. Grain: one row per model × topic × metric with 50 new calls.
--
-- The variance of the change is that of the new calls, of what is usual of their kinds and, for latency, of days: a
-- busy day slows all its calls, so calls of one day are no independent witnesses. How much days differ is told by few
-- days at first: it starts from 5 %, which counts as 8 days, and the fewer days tell it the more the change follows
-- Student's distribution (degrees: Satterthwaite 1946). Answers to one question count as one.
with

off as (select * from drift_offsets),

-- How sure what is usual is: per kind of call its share of the new calls, squared, over its earlier calls.
kinds as (
    select model, topic, metric, any_value(n_kind_before) as n_kind_before, count(*) as n
    from off
    group by model, topic, metric, own_topic, task, subplan_key
),

centres as (
    select model, topic, metric, sum(n * n / n_kind_before) / sum(n) ^ 2 as share
    from kinds
    group by model, topic, metric
),

news as (
    select
        model,
        topic,
        metric,
        count(*) as n_after,
        count(distinct question_key) as n_questions,
        count(distinct started_at::date) as n_days,
        min(started_at) as since,
        case when metric = 'qoa' then avg(usual) else median(usual) end as usual,
        case when metric = 'qoa' then avg(off) else median(off) end as centre
    from off
    group by model, topic, metric
    having count(*) >= 50
),

errors as (
    select
        model,
        topic,
        metric,
        before.variance * (1.0 / case when metric = 'qoa' then news.n_questions else news.n_after end + centres.share)
            as of_calls,
        8 + greatest(n_full_days - 1, 0) as degrees,
        case
            when metric <> 'latency_s' then 0
            else (8 * 0.05 ^ 2 + greatest(n_full_days - 1, 0) * greatest(coalesce(variance_of_days, 0), 0))
                / degrees * (1.0 / news.n_days + 1.0 / before.n_days)
        end as of_days,
        news.centre - before.centre as change,
        before.n_before
    from news
    inner join drift_before as before using (model, topic, metric)
    inner join centres using (model, topic, metric)
)

select
    model,
    topic,
    metric,
    news.usual,
    change,
    sqrt(of_calls + of_days) as error,
    ((of_calls + of_days) / nullif(of_days, 0)) ^ 2 * degrees as degrees,
    n_before,
    news.n_after,
    news.since,
    drift_models.served
from errors
inner join news using (model, topic, metric)
inner join drift_models using (model)
order by model, topic, metric;
