-- Prices of called models that nobody has confirmed for 90 days. Grain: one row per model, the oldest price first.
with

latest as (
    select model, metric, arg_max(source, (as_of, ingestion)) as source, max(as_of) as as_of
    from priors
    where metric like 'usd_per_%'
    group by model, metric
)

select model, min(as_of) as as_of, arg_min(source, as_of) as source
from latest
inner join models using (model)
where models.n_calls > 0
group by model
having min(as_of) < current_date - interval 90 day
order by as_of, model
