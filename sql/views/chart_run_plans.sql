-- Points of the chart "plans of a run". Grain: one row per run × plan × metric that less is better of.
create or replace view chart_run_plans as
with

per_plan as (
    select
        run_id,
        plan_key,
        count(*) as n_questions,
        count(*) filter (status = 'failed') as n_failed,
        avg(predicted_qoa) as predicted_qoa,
        avg(qoa) as qoa,
        count(qoa) as n_judged,
        unnest([
            {'metric': 'cost_usd', 'predicted': avg(predicted_cost_usd), 'observed': avg(cost_usd)}, -- each resource
        ], recursive := true)
    from executions
    group by run_id, plan_key
)

select
    run_id, plan_key, plans.expression as plan, plans.level, metric, predicted, observed,
    predicted_qoa, qoa, n_questions, n_judged, n_failed
from per_plan
inner join plans using (plan_key)
order by run_id, n_questions desc, plan_key, metric;
comment on view chart_run_plans is 'Chart: the plans that a run used, with what was predicted and observed; one row per run × plan × metric.';
comment on column chart_run_plans.run_id is 'Run (command or flow). NULL if not recorded.';
comment on column chart_run_plans.plan_key is 'Plan (plans).';
comment on column chart_run_plans.plan is 'The plan as a person reads it.';
comment on column chart_run_plans.level is 'Operator-nesting depth of the plan: 0 a single model.';
comment on column chart_run_plans.metric is 'What predicted and observed are: cost_usd or the name of another resource.';
comment on column chart_run_plans.predicted is 'Mean that the planner expected per question.';
comment on column chart_run_plans.observed is 'Mean that was observed per question.';
comment on column chart_run_plans.predicted_qoa is 'Mean quality that the planner expected, 0 to 1.';
comment on column chart_run_plans.qoa is 'Mean observed quality of the judged answers. NULL without references.';
comment on column chart_run_plans.n_questions is 'Executions of the plan in the run.';
comment on column chart_run_plans.n_judged is 'Those of them that were judged.';
comment on column chart_run_plans.n_failed is 'Those of them that failed.';
