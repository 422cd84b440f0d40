-- Grain: one row per model that has a published figure or was called.
delete from models;
insert into models by name
with

calls_made as (
    select
        model,
        -- The weights that answered last; a change of them starts new statistics.
        arg_max(served, last_seen) filter (served <> model) as served,
        arg_max(server, last_seen) filter (server is not null) as server,
        min(first_seen) as first_called_at,
        max(last_seen) as last_called_at,
        sum(n_calls)::bigint as n_calls,
        sum(n_failed)::bigint as n_failed_calls
    from model_days
    group by model
),

published as (
    select model, count(*) as n_figures_published from priors group by model
)

select
    model,
    served,
    server,
    first_called_at,
    last_called_at,
    coalesce(n_calls, 0) as n_calls,
    coalesce(n_failed_calls, 0) as n_failed_calls,
    coalesce(n_figures_published, 0) as n_figures_published
from calls_made
full join published using (model)
order by model;
