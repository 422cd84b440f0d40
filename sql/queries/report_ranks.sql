-- Whether better plans were predicted to be better, within topics, over all runs. Grain: one row per topic × task.
select *
from rank_calibration
where rank_correlation is not null
order by n_executions desc, topic, task
limit $rows
