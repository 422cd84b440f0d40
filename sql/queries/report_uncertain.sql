-- Measured plans whose quality is least certain. Grain: one row per topic × task × plan. The interval is Wilson's, whose
-- middle lies between the quality and one half, within 0 to 1.
with

uncertain as (
    select *, (qoa + 1.96 ^ 2 / (2 * n_questions)) / (1 + 1.96 ^ 2 / n_questions) as middle
    from too_few_observations
    where n_qoa > 0 and n_questions > 0
)

select
    uncertain.topic,
    uncertain.task,
    plans.expression as plan,
    n_qoa,
    qoa,
    greatest(0.0, middle - qoa_half_width) as qoa_low,
    least(1.0, middle + qoa_half_width) as qoa_high
from uncertain
inner join plans using (plan_key)
order by qoa_half_width desc nulls last, uncertain.topic, uncertain.task, plans.expression
limit $rows
