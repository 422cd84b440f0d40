-- The plans of a run with what was predicted and observed. Grain: one row per plan × metric.
select * from chart_run_plans where run_id = $run order by n_questions desc, plan_key, metric
