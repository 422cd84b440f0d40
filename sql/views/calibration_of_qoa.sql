-- Is a predicted quality of 0.7 worth 0.7? Grain: one row per task × tenth of predicted quality.
create or replace view calibration_of_qoa as
select
    task,
    least(floor(predicted_qoa * 10), 9) / 10 as predicted_from,
    count(*) as n_executions,
    avg(predicted_qoa) as predicted_qoa,
    avg(qoa) as observed_qoa,
    -- With one answer there is no spread; greatest and least pass over NULL.
    case when count(*) > 1 then greatest(0.0, avg(qoa) - 1.96 * stddev_samp(qoa) / sqrt(count(*))) end as observed_low,
    case when count(*) > 1 then least(1.0, avg(qoa) + 1.96 * stddev_samp(qoa) / sqrt(count(*))) end as observed_high
from executions
where status = 'answered' and predicted_qoa is not null and qoa is not null
group by task, predicted_from
order by task, predicted_from;
comment on view calibration_of_qoa is 'Per task and tenth of predicted quality: the mean predicted and observed quality over answered and judged executions.';
comment on column calibration_of_qoa.task is 'open, or choice (one option or several).';
comment on column calibration_of_qoa.predicted_from is 'Lower bound of the tenth.';
comment on column calibration_of_qoa.n_executions is 'Answered and judged executions in the tenth.';
comment on column calibration_of_qoa.predicted_qoa is 'Mean quality that the planner expected, 0 to 1.';
comment on column calibration_of_qoa.observed_qoa is 'Mean observed quality, 0 to 1.';
comment on column calibration_of_qoa.observed_low is 'Lower bound of the 95 % interval of the observed mean, within 0 to 1. NULL for one execution.';
comment on column calibration_of_qoa.observed_high is 'Upper bound of the 95 % interval of the observed mean, within 0 to 1. NULL for one execution.';
