-- What the newest snapshot of a PerfDB file tells of itself. One row.
select
    snapshot_id,
    created_at,
    code_version,
    settings,
    len(inputs) as files_merged,
    gate,
    counts
from snapshots
order by number desc
limit 1
