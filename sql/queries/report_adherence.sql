-- Limits of a run and whether they were kept. Grain: one row per limit.
select * from chart_adherence where run_id = $run order by limit_name
