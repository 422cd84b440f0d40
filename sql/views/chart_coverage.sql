-- Cells of the chart "what PerfDB knows". Grain: one row per topic × task × model, also where nothing is known.
create or replace view chart_coverage as
with

topics as (
    select distinct topic, task from plan_statistics where topic <> '*'
),

known as (
    select statistics.topic, statistics.task, plans.sink_model as model, statistics.*
    from plan_statistics as statistics
    inner join plans using (plan_key)
    where plans.operations = 1
)

select
    topics.topic,
    topics.task,
    models.model,
    coalesce(known.n_qoa, 0) as n_judged,
    known.observed_qoa as qoa,
    case when known.n_qoa > 0 then least(0.5, 1.96 * sqrt(
        coalesce(nullif(known.var_qoa, 0), known.qoa * (1 - known.qoa)) / known.n_qoa
    )) end as qoa_half_width
from topics
cross join (select model from models where n_calls > 0) as models
left join known on known.topic = topics.topic and known.task = topics.task and known.model = models.model
order by topics.topic, topics.task, models.model;
comment on view chart_coverage is 'Chart: how many judged answers of each called model there are per topic and task; one row per topic × task × model.';
comment on column chart_coverage.topic is 'Topic of the questions.';
comment on column chart_coverage.task is 'open, or choice (one option or several).';
comment on column chart_coverage.model is 'Model.';
comment on column chart_coverage.n_judged is 'Judged answers of the model alone, whole runs and first steps of others; 0 where nothing is known.';
comment on column chart_coverage.qoa is 'Mean observed quality. NULL where nothing is known.';
comment on column chart_coverage.qoa_half_width is 'Half the width of the 95 % interval of the quality. NULL where nothing is known.';
