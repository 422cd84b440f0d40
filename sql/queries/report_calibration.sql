-- Means and coverage by bin of the prediction, of a run (NULL: of all). Grain: one row per task × metric × bin.
select
    task,
    metric,
    bin_from,
    count(*) as n_executions,
    avg(predicted) as predicted,
    avg(observed) as observed,
    -- No figure is below 0 and no quality above 1. With one answer there is no spread; greatest and least pass over NULL.
    case when count(*) > 1 then greatest(0.0, avg(observed) - 1.96 * stddev_samp(observed) / sqrt(count(*))) end as observed_low,
    case when count(*) > 1 then least(
        case when metric = 'qoa' then 1.0 else 'inf'::double end,
        avg(observed) + 1.96 * stddev_samp(observed) / sqrt(count(*))
    ) end as observed_high,
    count(within) as n_intervals,
    count(*) filter (within) as n_within
from calibration_answers
where $run is null or run_id = $run
group by task, metric, bin_from
order by task, metric, bin_from
