-- Points of the chart "predicted against observed". Grain: one row per answered execution × metric, both figures known.
create or replace view chart_predicted_observed as
with

answered as (
    select
        run_id,
        execution_id,
        question_id,
        topic,
        task,
        plan_key,
        started_at,
        unnest([
            {'metric': 'cost_usd', 'predicted': predicted_cost_usd, 'observed': cost_usd}, -- each resource
            {'metric': 'qoa', 'predicted': predicted_qoa, 'observed': qoa}
        ], recursive := true)
    from executions
    where status = 'answered'
)

select * from answered where predicted is not null and observed is not null;
comment on view chart_predicted_observed is 'Chart: what the planner expected against what was observed; one row per answered execution × metric where both are known.';
comment on column chart_predicted_observed.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column chart_predicted_observed.execution_id is 'Execution (executions).';
comment on column chart_predicted_observed.question_id is 'Id of the question in its file.';
comment on column chart_predicted_observed.topic is 'Topic of the questions; * for those without one.';
comment on column chart_predicted_observed.task is 'open, or choice (one option or several).';
comment on column chart_predicted_observed.plan_key is 'Plan (plans).';
comment on column chart_predicted_observed.started_at is 'Start (UTC).';
comment on column chart_predicted_observed.metric is 'What predicted and observed are: cost_usd or the name of another metric.';
comment on column chart_predicted_observed.predicted is 'What the planner expected, in the unit of the metric.';
comment on column chart_predicted_observed.observed is 'What was observed, in the unit of the metric.';
