-- What is known of one model. Grain: one row per topic × task × figure. `*` is any topic or task.
select topic, task, metric, value, n_observations, provenance as source
from model_figures
where model = $model
order by topic, task, metric
