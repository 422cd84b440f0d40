-- Plans on all topics together, of the tasks that a run had (NULL: all tasks); frontier first, at most $points per metric.
select chart_frontier.*
from chart_frontier
where
    topic = '*'
    and value > 0
    and ($run is null or task in (
        select task from executions where run_id = $run
    ))
qualify row_number() over (partition by metric order by on_frontier desc, n_observations desc, task, plan_key) <= $points
order by metric, task, plan_key
