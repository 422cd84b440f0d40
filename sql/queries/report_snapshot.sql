-- The snapshot that a PerfDB file is, with what it holds. One row.
select
    snapshot_id,
    created_at,
    gate,
    counts['executions'] as executions,
    counts['calls'] as calls,
    counts['plan_statistics'] as plan_statistics,
    counts['quarantine'] as quarantined,
    (select count(*) from models) as models,
    (select count(*) from plans) as plans,
    (select count(*) from topics) as topics
from snapshots
order by number desc
limit 1
