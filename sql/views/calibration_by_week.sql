-- Do predictions get better? Grain: one row per task × week × metric, answered executions that had a prediction.
create or replace view calibration_by_week as
select
    task,
    date_trunc('week', started_at)::date as week,
    metric,
    count(*) as n_executions,
    avg(predicted) as predicted,
    avg(observed) as observed,
    avg(predicted - observed) as bias,
    avg(abs(predicted - observed)) as error,
    avg((observed <= predicted)::integer) as share_at_most_predicted,
    count(within) as n_intervals,
    avg(within::integer) as share_within
from calibration_answers
group by task, week, metric
order by task, week, metric;
comment on view calibration_by_week is 'Per task, week and metric: what was predicted and what was observed, over answered executions in which both are known.';
comment on column calibration_by_week.task is 'open, or choice (one option or several).';
comment on column calibration_by_week.week is 'Monday of the week (UTC).';
comment on column calibration_by_week.metric is 'What the figures are; the unit is in the name.';
comment on column calibration_by_week.n_executions is 'Answered executions in which both figures are known.';
comment on column calibration_by_week.predicted is 'Mean that the planner expected.';
comment on column calibration_by_week.observed is 'Mean that was observed.';
comment on column calibration_by_week.bias is 'Mean of predicted minus observed, in the unit of the metric; above 0 the planner expects too much.';
comment on column calibration_by_week.error is 'Mean absolute error, in the unit of the metric.';
comment on column calibration_by_week.share_at_most_predicted is 'Share of executions whose figure was at most the predicted one, 0 to 1; about 0.5 if predictions are medians.';
comment on column calibration_by_week.n_intervals is 'Executions with a 90 % interval from the errors of earlier runs (calibration_answers).';
comment on column calibration_by_week.share_within is 'Share of them whose figure was within the interval, 0 to 1; 0.9 if errors stay as they were.';
