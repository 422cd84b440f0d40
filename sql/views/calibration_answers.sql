-- Within which interval a figure was to be expected when its run began. Grain: one row per answered execution × metric
-- with prediction and observation.
--
-- The interval is the prediction with the errors of runs that began earlier: their mean ± 1.645 standard deviations,
-- 90 % if errors are normal. Errors of quality are differences; those of cost, latency and energy are logarithms of
-- observed by predicted, because they are factors.
create or replace view calibration_answers as
with

predictions as (
    select
        run_id,
        execution_id,
        topic,
        task,
        started_at,
        min(started_at) over (partition by coalesce(run_id, execution_id)) as begun,
        unnest([
            {'metric': 'cost_usd', 'predicted': predicted_cost_usd, 'observed': cost_usd}, -- each resource
            {'metric': 'qoa', 'predicted': predicted_qoa, 'observed': qoa}
        ], recursive := true)
    from executions
    where status = 'answered'
),

points as (
    select
        *,
        case
            when metric = 'qoa' then observed - predicted
            when predicted > 0 and observed > 0 then ln(observed / predicted)
        end as error
    from predictions
    where predicted is not null and observed is not null
),

runs as (
    select
        task,
        metric,
        begun,
        count(error) as n,
        coalesce(sum(error), 0) as total,
        coalesce(sum(error * error), 0) as squares
    from points
    where begun is not null
    group by task, metric, begun
),

earlier as (
    select
        task,
        metric,
        begun,
        sum(n) over before as n,
        sum(total) over before as total,
        sum(squares) over before as squares
    from runs
    window before as (
        partition by task, metric order by begun rows between unbounded preceding and 1 preceding
    )
),

expected as (
    select
        task,
        metric,
        begun,
        n::bigint as n_earlier,
        total / n as middle,
        -- errors that are all the same would else miss by a rounding
        1.645 * sqrt(greatest(squares - total * total / n, 0) / (n - 1)) + 1e-9 as half_width
    from earlier
    where n >= 20
)

select
    points.run_id,
    points.execution_id,
    points.topic,
    task,
    points.started_at,
    metric,
    points.predicted,
    points.observed,
    expected.n_earlier,
    case
        when n_earlier is null then null
        when metric = 'qoa' then greatest(0.0, points.predicted + middle - half_width)
        else points.predicted * exp(middle - half_width)
    end as low,
    case
        when n_earlier is null then null
        when metric = 'qoa' then least(1.0, points.predicted + middle + half_width)
        else points.predicted * exp(middle + half_width)
    end as high,
    points.observed between low and high as within,
    case
        when metric = 'qoa' then least(floor(points.predicted * 10), 9) / 10
        when points.predicted > 0 then 10 ** (floor(log10(points.predicted) * 2) / 2)
    end as bin_from
from points
left join expected using (task, metric, begun);
comment on view calibration_answers is 'Per answered execution and metric: what was predicted, the 90 % interval that the errors of earlier runs gave, and what was observed.';
comment on column calibration_answers.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column calibration_answers.execution_id is 'Execution (executions).';
comment on column calibration_answers.topic is 'Topic of the questions; * for those without one.';
comment on column calibration_answers.task is 'open, or choice (one option or several).';
comment on column calibration_answers.started_at is 'Start of the execution (UTC).';
comment on column calibration_answers.metric is 'What the figures are; the unit is in the name.';
comment on column calibration_answers.predicted is 'What the planner expected, in the unit of the metric.';
comment on column calibration_answers.observed is 'What was observed, in the unit of the metric.';
comment on column calibration_answers.n_earlier is 'Answers of earlier runs that the interval is made from. NULL below 20: then there is none.';
comment on column calibration_answers.low is 'Lower end of the 90 % interval, in the unit of the metric. NULL without an interval.';
comment on column calibration_answers.high is 'Upper end of the 90 % interval. NULL without an interval.';
comment on column calibration_answers.within is 'Whether the observed figure is in the interval. NULL without one.';
comment on column calibration_answers.bin_from is 'Lower bound of the bin of the prediction: tenths of quality, half powers of ten of the others.';
