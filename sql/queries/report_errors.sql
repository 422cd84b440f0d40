-- How right predictions were, over all executions. Grain: one row per metric.
select
    metric,
    count(*) as n,
    avg(predicted) as predicted,
    avg(observed) as observed,
    avg(abs(observed - predicted)) as error,
    nullif(corr(predicted, observed), 'nan'::double) as correlation
from chart_predicted_observed
where $run is null or run_id = $run
group by metric
