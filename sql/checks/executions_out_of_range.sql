-- New executions with an impossible figure.
select
    cost_usd, -- each metric
    execution_id
from executions
where ingestion > getvariable('last_ingestion')
and (
    qoa not between 0 and 1
    or cost_usd < 0 -- each resource
    or not isfinite(cost_usd) -- each resource
);
