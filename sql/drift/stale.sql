-- Whose baseline is to be read, and from which calls (temp table drift_asked): one that was never read, that a tenth has
-- come to since, or of which late scores may have changed the quality. Grain: one row per model.
-- A model is watched from the first refresh that finds 50 calls of it.
set variable drift_from = (select first_ingestion from drift_window);
insert into drift_watch by name
select model, any_value(models.served) as served, getvariable('newest_ingestion') as ingestion
from drift_calls
inner join models using (model)
where
    ingestion > getvariable('drift_from')
    and model in (select model from drift_tonight where model not in (select model from drift_watch))
group by model
having count(*) >= 50;

create or replace temp table drift_stale as
select model, ingestion as up_to, from_ingestion
from drift_watch
where
    baseline_ingestion is null
    or n_since >= 0.1 * n_baseline
    or exists (from ingested_files where kind = 'scores' and ingestion > getvariable('last_ingestion'));

-- The last calls: those of about 50,000 executions. A model that drifted is compared with what it did since.
create or replace temp table drift_asked as
with

files as (
    select
        model,
        ingestion,
        sum(n_rows) over (partition by model order by ingestion desc rows between unbounded preceding and current row)
            as n_later
    from drift_stale
    inner join ingested_files on kind = 'traces' and ingestion <= up_to
)

select
    model,
    greatest(coalesce(max(ingestion) filter (n_later >= 50000), min(ingestion)) - 1, any_value(from_ingestion))
        as after_ingestion,
    any_value(up_to) as up_to
from files
inner join drift_stale using (model)
group by model;

set variable drift_from = (select min(after_ingestion) from drift_asked);

create or replace temp table drift_asked as
with

rates as (
    select
        model,
        max(value) filter (metric = 'seconds_per_prompt_token') as seconds_per_prompt_token,
        max(value) filter (metric = 'seconds_per_output_token') as seconds_per_output_token,
        max(value) filter (metric = 'usd_per_prompt_token') as usd_per_prompt_token,
        max(value) filter (metric = 'usd_per_output_token') as usd_per_output_token
    from model_figures
    where topic = '*' and task = '*'
    group by model
),

counted as (
    select model, count(*) as n_calls
    from (select model, ingestion from drift_calls where ingestion > getvariable('drift_from')) as calls
    inner join drift_asked using (model)
    where calls.ingestion > after_ingestion and calls.ingestion <= up_to
    group by model
)

-- of many calls a sample, the same whenever it is read
select
    model,
    after_ingestion,
    up_to,
    coalesce(n_calls, 0) as n_calls,
    greatest(1, coalesce(n_calls, 0) // 10000)::ubigint as every,
    null::double as seconds_fixed,
    seconds_per_prompt_token,
    seconds_per_output_token,
    null::double as usd_fixed,
    usd_per_prompt_token,
    usd_per_output_token
from drift_asked
left join counted using (model)
left join rates using (model);
