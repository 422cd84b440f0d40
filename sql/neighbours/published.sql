-- Mean quality of the models that are served now on past questions, and mean logarithms of what they spent. Grain: one row per question × task × model.
select
    question_key,
    task,
    model,
    sum(total) / sum(n) as qoa,
    sum(log_cost_usd.total) / nullif(sum(log_cost_usd.n), 0) as log_cost_usd, -- each resource
from past_qualities
left join models using (model)
where coalesce(past_qualities.served = models.served, true)
group by question_key, task, model
having sum(n) > 0
order by question_key, task, model;
