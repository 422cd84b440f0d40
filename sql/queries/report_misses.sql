-- Judged answers of a run, as far as they are no full success. Grain: one row per execution.
select execution_id, question_id, question, answer, reference, topic, kind, plan_key, plan, predicted_qoa, qoa, miss
from chart_misses
where run_id = $run and qoa < 1
order by miss desc, question_id
