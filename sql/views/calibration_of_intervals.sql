-- Do intervals hold what they promise, and are means where they were predicted? Grain: one row per task × metric × bin
-- of the prediction.
create or replace view calibration_of_intervals as
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
    avg(within::integer) as share_within
from calibration_answers
group by task, metric, bin_from
order by task, metric, bin_from;
comment on view calibration_of_intervals is 'Per task, metric and bin of the prediction: means with the interval of the observed one, and the share of observed figures within their 90 % intervals.';
comment on column calibration_of_intervals.task is 'open, or choice (one option or several).';
comment on column calibration_of_intervals.metric is 'What the figures are; the unit is in the name.';
comment on column calibration_of_intervals.bin_from is 'Lower bound of the bin: tenths of quality, half powers of ten of cost, latency and energy.';
comment on column calibration_of_intervals.n_executions is 'Answered executions in the bin.';
comment on column calibration_of_intervals.predicted is 'Mean that the planner expected.';
comment on column calibration_of_intervals.observed is 'Mean that was observed.';
comment on column calibration_of_intervals.observed_low is 'Lower end of the 95 % interval of the observed mean (1.96 standard errors), from 0 up and of a quality to 1. NULL for one execution.';
comment on column calibration_of_intervals.observed_high is 'Upper end of the 95 % interval of the observed mean. NULL for one execution.';
comment on column calibration_of_intervals.n_intervals is 'Executions that had an interval: at least 20 answers of earlier runs.';
comment on column calibration_of_intervals.share_within is 'Share of them whose figure was within, 0 to 1; 0.9 if errors stay as they were.';
