-- Which models have enough new calls to be compared (temp table drift_models). Grain: one row per model.

-- Calls that tell what a model does, by the weights that are served now. Grain: one row per call.
create or replace temp view drift_calls as
select calls.*
from calls
inner join models using (model)
where
    not coalesce(calls.cached, false)
    and calls.error is null
    and (
        models.served is null
        or coalesce(told_weights(calls.model, calls.digest, calls.answered_model), models.served) = models.served
    );

-- The last executions before this refresh, about 50,000, however much history there is.
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

-- Other weights start again.
delete from drift_watch
where not exists (
    select 1 from models where models.model = drift_watch.model and models.served is not distinct from drift_watch.served
);
delete from drift_usual where model not in (select model from drift_watch);
delete from drift_before where model not in (select model from drift_watch);

-- Of a model that is asked rarely, few calls are among the last executions. What came since takes their place: nothing
-- is ever compared with fewer than 50.
update drift_watch
set ingestion = getvariable('last_ingestion'), n_waiting = 0, baseline_ingestion = null
where n_baseline < 50 and n_waiting >= 50;

create or replace temp table drift_tonight as
select model, count(*) as n_new
from drift_calls
where ingestion > getvariable('last_ingestion')
group by model;

update drift_watch
set n_waiting = n_waiting + drift_tonight.n_new
from drift_tonight
where drift_watch.model = drift_tonight.model;
