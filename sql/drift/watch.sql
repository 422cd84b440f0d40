-- Which models have enough new calls to be compared, and with what (temp table drift_models). Grain: one row per model.

-- A model that drifted is compared with what it did since (drift_watch.from_ingestion).

-- The last calls: those of about the last 50,000 executions before this refresh, however much history there is.
create or replace temp table drift_window as
with

counted as (
    select
        ingestion,
        sum(n_rows) over (order by ingestion desc rows between unbounded preceding and current row) as n_later
    from ingested_files
    where kind = 'traces' and ingestion <= getvariable('last_ingestion')
)

select coalesce(max(ingestion) filter (n_later >= 50000), min(ingestion), 0) - 1 as first_ingestion from counted;

create or replace temp table drift_counts as
select
    calls.model,
    any_value(models.served) as served,
    count(*) filter (calls.ingestion <= getvariable('last_ingestion')) as n_before,
    count(*) filter (calls.ingestion > coalesce(watch.ingestion, getvariable('last_ingestion'))) as n_after
from calls
inner join models using (model)
left join drift_watch as watch on watch.model = calls.model and watch.served is not distinct from models.served
cross join drift_window
where
    calls.ingestion > least(drift_window.first_ingestion, coalesce(watch.ingestion, drift_window.first_ingestion))
    and calls.ingestion > coalesce(watch.from_ingestion, 0)
    and not coalesce(calls.cached, false)
    and calls.error is null
    and (models.served is null or coalesce(told_weights(calls.model, calls.digest, calls.answered_model), models.served) = models.served)
group by calls.model;

-- A model is watched from the first refresh that finds 50 calls of it; other weights start again.
delete from drift_watch
where not exists (
    select 1 from models where models.model = drift_watch.model and models.served is not distinct from drift_watch.served
);
insert into drift_watch by name
select model, served, getvariable('last_ingestion') as ingestion
from drift_counts
anti join drift_watch using (model)
where n_before >= 50;

create or replace temp table drift_models as
select model, drift_watch.served, drift_watch.ingestion, drift_watch.from_ingestion, n_before, n_after
from drift_watch
inner join drift_counts using (model)
where n_after >= 50 and n_before >= 50;

-- Nothing up to here is compared.
set variable drift_from = (
    select least((select first_ingestion from drift_window), (select min(ingestion) from drift_models))
);
