-- Means of a run by topic. Grain: one row per topic.
select
    topic,
    count(*) as n_questions,
    avg(qoa) as qoa,
    avg(cost_usd) as cost_usd,
    avg(latency_s) as latency_s
from executions
where run_id = $run and status = 'answered'
group by topic
order by n_questions desc, topic
limit $rows
