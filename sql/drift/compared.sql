-- New calls against earlier ones. Grain: one row per model × topic × metric with 50 new calls.
--
-- Quality is compared by means, the others by medians, which a few slow calls do not move (a median has π/2 times the
-- variance of a mean). The variance of the change is that of the new calls, of the centres that they are compared with
-- and, for latency, of days: a busy day slows all its calls, so calls of one day are no independent witnesses. Answers to
-- one question count as one.
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
            else (1.4826 * mad(off)) ^ 2 * pi() / 2
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
)

select
    news.model,
    news.topic,
    news.metric,
    news.usual,
    news.centre - olds.centre as change,
    sqrt(
        spreads.variance * (1.0 / case when news.metric = 'qoa' then news.n_questions else news.n_after end + centres.share)
        + case
            when news.metric <> 'latency_s' then 0
            when n_full_days >= 3 then greatest(0, between_days.variance)
            -- Too few days to know: a server that is as busy as on other days to within 5 %.
            else 0.05 ^ 2
        end * (1.0 / news.n_days + 1.0 / between_days.n_days)
    ) as error,
    olds.n_before,
    news.n_after,
    news.since,
    drift_models.served
from news
inner join olds using (model, topic, metric)
inner join spreads using (model, topic, metric)
inner join between_days using (model, topic, metric)
inner join centres using (model, topic, metric)
inner join drift_models using (model)
where news.n_after >= 50 and olds.n_before >= 50
order by news.model, news.topic, news.metric
