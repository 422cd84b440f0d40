-- Points of the chart "predicted against observed". Grain: one row per answered execution × metric, both figures known.
create or replace view chart_predicted_observed as
with

answered as (
    select
        run_id,
        execution_id,
        question_id,
        topic,
        case when kind in ('choice', 'multi') then 'choice' else 'open' end as task,
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
comment on column chart_predicted_observed.metric is 'What predicted and observed are: cost_usd or the name of another metric.';
