-- The answers that stayed farthest below what was expected. Grain: one row per execution.
select question_id, question, answer, reference, topic, plan, predicted_qoa, qoa, miss
from chart_misses
where run_id = $run and miss > 0
order by miss desc, question_id
limit $rows
