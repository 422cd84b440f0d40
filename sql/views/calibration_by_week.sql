-- Do predictions get better? Grain: one row per task × week × metric, answered executions that had a prediction.
create or replace view calibration_by_week as
with pairs as (
    select
        case when kind in ('choice', 'multi') then 'choice' else 'open' end as task,
        date_trunc('week', started_at)::date as week,
        unnest(['cost_usd', 'latency_s', 'energy_j', 'qoa']) as metric,
        unnest([predicted_cost_usd, predicted_latency_s, predicted_energy_j, predicted_qoa]) as predicted,
        unnest([cost_usd, latency_s, energy_j, qoa]) as observed
    from executions
    where status = 'answered'
)

select
    task,
    week,
    metric,
    count(*) as n_executions,
    avg(predicted) as predicted,
    avg(observed) as observed,
    avg(predicted - observed) as bias,
    avg(abs(predicted - observed)) as error,
    avg((observed <= predicted)::integer) as share_at_most_predicted
from pairs
where predicted is not null and observed is not null
group by task, week, metric
order by task, week, metric;
comment on view calibration_by_week is 'Per task, week and metric: what was predicted and what was observed, over answered executions in which both are known.';
comment on column calibration_by_week.bias is 'Mean of predicted minus observed, in the unit of the metric; above 0 the planner expects too much.';
comment on column calibration_by_week.error is 'Mean absolute error, in the unit of the metric.';
comment on column calibration_by_week.share_at_most_predicted is 'Share of executions whose figure was at most the predicted one, 0 to 1; about 0.5 if predictions are medians.';
