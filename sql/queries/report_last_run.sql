-- Runs whose executions are merged, the latest first. Grain: one row per run.
select run_id
from executions
where run_id is not null
group by run_id
order by max(started_at) desc, run_id desc
