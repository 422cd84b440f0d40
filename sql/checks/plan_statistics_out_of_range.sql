-- Statistics of plans with an impossible figure.
select
    topic,
    plan_key,
    cost_usd, -- each metric
    n_observations
from plan_statistics
where
    qoa not between 0 and 1 or observed_qoa not between 0 and 1
    or cost_usd < 0 -- each resource
    or latency_s = 0 or output_tokens < 0
    or not isfinite(cost_usd) -- each metric
    or n_observations < 0 or n_qoa > n_observations;
