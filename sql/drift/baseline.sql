-- Keep what the calls in drift_figures usually are, and how far from it they are. Grain: drift_usual, one row per model ×
-- topic × task × sub-plan × metric; drift_before, one per model × topic (and * for all) × metric.
--
-- Quality is compared by means, the others by medians, which a few slow calls do not move (a median has π/2 times the
-- variance of a mean).
delete from drift_usual where model in (select model from drift_asked);
insert into drift_usual by name
select
    model,
    topic,
    task,
    subplan_key,
    metric,
    case when metric = 'qoa' then avg(x) else median(x) end as usual,
    count(*) as n_before
from drift_figures
group by model, topic, task, subplan_key, metric
having count(*) >= 3
order by all;

delete from drift_before where model in (select model from drift_asked);
insert into drift_before by name
with

off as (select * from drift_offsets),

spreads as (
    select
        model,
        topic,
        metric,
        count(*) as n_before,
        case when metric = 'qoa' then avg(off) else median(off) end as centre,
        case
            -- Answers that were all right so far do not promise that all will be: never below a variance of 0.02.
            when metric = 'qoa' then greatest(
                0.02, sum(off * off) / greatest(count(*) - count(distinct hash(own_topic, task, subplan_key)), 1)
            )
            -- of a median, by how dense calls are around it: a flat distribution has no peak as the normal one has
            else greatest(
                (1.4826 * mad(off)) ^ 2 * pi() / 2, (quantile_cont(off, 0.75) - quantile_cont(off, 0.25)) ^ 2
            )
        end as variance
    from off
    group by model, topic, metric
    having count(*) >= 50
),

days as (
    select
        model,
        topic,
        metric,
        started_at::date as day,
        count(*) as n,
        case when metric = 'qoa' then avg(off) else median(off) end as centre
    from off
    group by model, topic, metric, day
)

select
    model,
    topic,
    metric,
    n_before,
    spreads.centre,
    spreads.variance,
    count(*) as n_days,
    count(*) filter (n >= 5) as n_full_days,
    var_samp(days.centre) filter (n >= 5) - avg(spreads.variance / n) filter (n >= 5) as variance_of_days
from spreads
inner join days using (model, topic, metric)
group by all
order by model, topic, metric;

update drift_watch
set
    baseline_ingestion = asked.up_to,
    n_baseline = asked.n_calls,
    n_since = 0,
    seconds_fixed = asked.seconds_fixed,
    usd_fixed = asked.usd_fixed,
    seconds_per_prompt_token = asked.seconds_per_prompt_token,
    seconds_per_output_token = asked.seconds_per_output_token,
    usd_per_prompt_token = asked.usd_per_prompt_token,
    usd_per_output_token = asked.usd_per_output_token
from drift_asked as asked
where drift_watch.model = asked.model;
