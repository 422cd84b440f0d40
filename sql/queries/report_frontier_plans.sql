-- The plans that no other beats on all topics together, the best first. Grain: one row per task × plan.
select plans.plan, plans.expression, task, chart_frontier.qoa, chart_frontier.n_observations
from chart_frontier
inner join plans using (plan_key)
where topic = '*' and on_frontier and metric = 'cost_usd'
order by qoa desc, plans.expression
limit $rows
