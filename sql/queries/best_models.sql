-- Which single model is surest to answer well, and on what does that stand? Grain: one row per topic × task.
select
    topic,
    task,
    model,
    round(qoa, 3) as qoa,
    round(qoa_low, 3) as qoa_low,
    round(qoa_high, 3) as qoa_high,
    n_observations,
    basis,
    runner_up
from best_model_per_topic
order by topic, task
