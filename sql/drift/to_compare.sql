-- Whose new calls are compared (temp tables drift_models and drift_asked). Grain: one row per model.
create or replace temp table drift_models as
select model, served
from drift_watch
where n_waiting >= 50 and n_baseline >= 50;

-- A night with millions of calls is judged by a sample of them, the same whenever it is tried.
create or replace temp table drift_asked as
select
    model,
    ingestion as after_ingestion,
    getvariable('newest_ingestion') as up_to,
    greatest(1, n_waiting // 20000)::ubigint as every,
    seconds_fixed,
    seconds_per_prompt_token,
    seconds_per_output_token,
    usd_fixed,
    usd_per_prompt_token,
    usd_per_output_token
from drift_watch
semi join drift_models using (model);
