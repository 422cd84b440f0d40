-- How right the planner was. Grain: one row per topic × task × plan, answered executions that had a prediction.
create or replace view predicted_vs_observed as
select
    topic,
    case when kind in ('choice', 'multi') then 'choice' else 'open' end as task,
    plan_key,
    count(*) as n_executions,
    avg(predicted_cost_usd) filter (cost_usd is not null) as predicted_cost_usd,
    avg(cost_usd) filter (predicted_cost_usd is not null) as observed_cost_usd,
    avg(predicted_latency_s) filter (latency_s is not null) as predicted_latency_s,
    avg(latency_s) filter (predicted_latency_s is not null) as observed_latency_s,
    avg(predicted_energy_j) filter (energy_j is not null) as predicted_energy_j,
    avg(energy_j) filter (predicted_energy_j is not null) as observed_energy_j,
    avg(predicted_qoa) filter (qoa is not null) as predicted_qoa,
    avg(qoa) filter (predicted_qoa is not null) as observed_qoa,
    avg(abs(predicted_latency_s - latency_s)) as latency_error_s,
    avg(abs(predicted_qoa - qoa)) as qoa_error
from executions
where
    status = 'answered'
    and coalesce(predicted_cost_usd, predicted_latency_s, predicted_energy_j, predicted_qoa) is not null
group by topic, task, plan_key
order by n_executions desc, topic, task, plan_key;
comment on view predicted_vs_observed is 'What the planner expected and what was observed, means per topic × task × plan over answered executions in which both are known.';
comment on column predicted_vs_observed.latency_error_s is 'Mean absolute error of the latency, seconds.';
comment on column predicted_vs_observed.qoa_error is 'Mean absolute error of the quality.';
