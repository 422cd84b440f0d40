-- What the calls of the baseline tell of latency and cost by tokens: sums for least squares of y = fixed + prompt tokens ×
-- a + output tokens × b, each call weighed as 1 / y², so that a share counts alike in short and long calls. Grain: one
-- row per model × metric.
with

told as (
    select
        calls.model,
        calls.prompt_tokens::double as p,
        calls.output_tokens::double as o,
        nullif(calls.latency_s, 0) as latency_s,
        nullif(calls.cost_usd, 0) as cost_usd
    from (select * from drift_calls where ingestion > getvariable('drift_from')) as calls
    inner join drift_asked as asked using (model)
    where
        calls.ingestion > asked.after_ingestion
        and calls.ingestion <= asked.up_to
        and md5_number_upper(calls.execution_id) % asked.every = 0
        and calls.prompt_tokens is not null
        and calls.output_tokens is not null
)

select
    model,
    metric,
    [
        [sum(1 / (y * y)), sum(p / (y * y)), sum(o / (y * y))],
        [sum(p / (y * y)), sum(p * p / (y * y)), sum(p * o / (y * y))],
        [sum(o / (y * y)), sum(p * o / (y * y)), sum(o * o / (y * y))]
    ] as products,
    [sum(1 / y), sum(p / y), sum(o / y)] as sums,
    count(*) as n
from (unpivot told on latency_s, cost_usd into name metric value y)
where y > 0 and isfinite(y)
group by model, metric
having count(*) >= 50 and stddev_pop(o) >= 0.1 * avg(o)
order by model, metric;
