-- Measured plans whose quality is least certain. Grain: one row per topic × task × plan.
select too_few_observations.topic, plans.expression as plan, n_qoa, qoa, qoa_half_width
from too_few_observations
inner join plans using (plan_key)
where n_qoa > 0
order by qoa_half_width desc nulls last, topic, plans.expression
limit $rows
