-- Means and coverage by bin of the prediction, of a run (NULL: of all). Grain: one row per task × metric × bin.
select
    task,
    metric,
    bin_from,
    count(*) as n_executions,
    avg(predicted) as predicted,
    avg(observed) as observed,
    avg(observed) - 1.96 * stddev_samp(observed) / sqrt(count(*)) as observed_low,
    avg(observed) + 1.96 * stddev_samp(observed) / sqrt(count(*)) as observed_high,
    count(within) as n_intervals,
    count(*) filter (within) as n_within
from calibration_answers
where $run is null or run_id = $run
group by task, metric, bin_from
order by task, metric, bin_from
