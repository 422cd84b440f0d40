-- New calls against earlier ones. Grain: one row per model × topic × metric with 50 new calls.
--
-- Quality is compared by means, the others by medians, which a few slow calls do not move (a median has π/2 times the
-- variance of a mean). The variance of the change is that of the new calls, of the centres that they are compared with
-- and, for latency, of days: a busy day slows all its calls, so calls of one day are no independent witnesses. How much
-- days differ is told by few days at first: it starts from 5 %, which counts as 8 days, and the fewer days tell it the
-- more the change follows Student's distribution (degrees: Satterthwaite 1946). Answers to one question count as one.
with

spreads as (
    select
        model,
        topic,
        metric,
        case
            -- Answers that were all right so far do not promise that all will be: never below a variance of 0.02.
            when metric = 'qoa' then greatest(
                0.02, sum(off * off) / greatest(count(*) - count(distinct (usual, n_kind_before)), 1)
            )
            -- of a median, by how dense calls are around it: a flat distribution has no peak as the normal one has
            else greatest(
                (1.4826 * mad(off)) ^ 2 * pi() / 2, (quantile_cont(off, 0.75) - quantile_cont(off, 0.25)) ^ 2
            )
        end as variance
    from drift_residuals
    where not is_new
    group by model, topic, metric
),

days as (
    select
        model,
        topic,
        metric,
        started_at::date as day,
        count(*) as n,
        case when metric = 'qoa' then avg(off) else median(off) end as centre
    from drift_residuals
    where not is_new
    group by model, topic, metric, day
),

between_days as (
    select
        model,
        topic,
        metric,
        count(*) as n_days,
        count(*) filter (n >= 5) as n_full_days,
        var_samp(centre) filter (n >= 5) - avg(variance / n) filter (n >= 5) as variance
    from days
    inner join spreads using (model, topic, metric)
    group by model, topic, metric
),

-- How sure the centres are: per kind of call its share of the new calls, squared, over its earlier calls.
kinds as (
    select model, topic, metric, usual, n_kind_before, count(*) as n
    from drift_residuals
    where is_new
    group by model, topic, metric, usual, n_kind_before
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
    from drift_residuals
    where is_new
    group by model, topic, metric
),

olds as (
    select
        model,
        topic,
        metric,
        count(*) as n_before,
        case when metric = 'qoa' then avg(off) else median(off) end as centre
    from drift_residuals
    where not is_new
    group by model, topic, metric
),

errors as (
    select
        model,
        topic,
        metric,
        spreads.variance * (1.0 / case when metric = 'qoa' then news.n_questions else news.n_after end + centres.share)
            as of_calls,
        case
            when metric <> 'latency_s' then 0
            else (8 * 0.05 ^ 2 + greatest(n_full_days - 1, 0) * greatest(coalesce(between_days.variance, 0), 0))
                / (8 + greatest(n_full_days - 1, 0)) * (1.0 / news.n_days + 1.0 / between_days.n_days)
        end as of_days,
        8 + greatest(n_full_days - 1, 0) as degrees
    from news
    inner join spreads using (model, topic, metric)
    inner join between_days using (model, topic, metric)
    inner join centres using (model, topic, metric)
)

select
    news.model,
    news.topic,
    news.metric,
    news.usual,
    news.centre - olds.centre as change,
    sqrt(of_calls + of_days) as error,
    ((of_calls + of_days) / nullif(of_days, 0)) ^ 2 * degrees as degrees,
    olds.n_before,
    news.n_after,
    news.since,
    drift_models.served
from news
inner join olds using (model, topic, metric)
inner join errors using (model, topic, metric)
inner join drift_models using (model)
where news.n_after >= 50 and olds.n_before >= 50
order by news.model, news.topic, news.metric
