-- The plans that a run used most. Grain: one row per plan.
select plans.plan, plans.expression, count(distinct question_id) as n_questions
from executions
inner join plans using (plan_key)
where run_id = $run
group by all
order by n_questions desc, plans.expression
limit $rows
