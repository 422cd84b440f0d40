-- How right the planner was. Grain: one row per topic × task × plan, answered executions that had a prediction.
create or replace view predicted_vs_observed as
select
    topic,
    task,
    plan_key,
    count(*) as n_executions,
    avg(predicted_cost_usd) filter (cost_usd is not null) as predicted_cost_usd, -- each metric
    avg(cost_usd) filter (predicted_cost_usd is not null) as observed_cost_usd, -- each metric
    avg(abs(predicted_latency_s - latency_s)) as latency_error_s,
    avg(abs(predicted_qoa - qoa)) as qoa_error
from executions
where
    status = 'answered'
    and coalesce(
        predicted_cost_usd, -- each metric
        null
    ) is not null
group by topic, task, plan_key
order by n_executions desc, topic, task, plan_key;
comment on view predicted_vs_observed is 'What the planner expected and what was observed, means per topic × task × plan over answered executions in which both are known.';
comment on column predicted_vs_observed.topic is 'Topic of the questions; * for those without one.';
comment on column predicted_vs_observed.task is 'open, or choice (one option or several).';
comment on column predicted_vs_observed.plan_key is 'Plan (plans).';
comment on column predicted_vs_observed.n_executions is 'Executions that are counted here.';
comment on column predicted_vs_observed.predicted_cost_usd is 'Mean cost that the planner expected, of executions whose cost is known; the unit is in the name.'; -- each metric
comment on column predicted_vs_observed.observed_cost_usd is 'Mean cost that was observed, of executions for which one was expected; the unit is in the name.'; -- each metric
comment on column predicted_vs_observed.latency_error_s is 'Mean absolute error of the latency, seconds.';
comment on column predicted_vs_observed.qoa_error is 'Mean absolute error of the quality.';
