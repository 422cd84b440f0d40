-- Correct the daily sums by what late scores add to the quality and take from it; all else is counted already.
-- Grain: topic × plan × task × served models × day.
insert into plan_days by name
with

nothing as (
    select {'n': 0, 'total': 0.0, 'squares': 0.0} as sums
)

select
    topic,
    plan_key,
    task,
    served,
    day,
    0 as n_executions,
    0 as n_subplans,
    0 as n_failed,
    0 as n_energy_measured,
    any_value(sums) as cost_usd, -- each resource
    {
        'n': count(new_qoa) - count(old_qoa),
        'total': coalesce(sum(new_qoa), 0.0) - coalesce(sum(old_qoa), 0.0),
        'squares': coalesce(sum(new_qoa * new_qoa), 0.0) - coalesce(sum(old_qoa * old_qoa), 0.0)
    } as qoa,
    any_value(sums) as output_tokens,
    any_value(sums) as question_chars,
    any_value(sums) as predicted_cost_usd, -- each resource
    any_value(sums) as predicted_qoa
from rescored, nothing
group by topic, plan_key, task, served, day
order by topic, plan_key, task, served, day;
