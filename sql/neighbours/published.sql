-- Mean quality of the models that are served now on past questions. Grain: one row per question × task × model.
select
    question_key,
    task,
    model,
    sum(total) / sum(n) as qoa
from past_qualities
left join models using (model)
where coalesce(past_qualities.served = models.served, true)
group by question_key, task, model
having sum(n) > 0
order by question_key, task, model;
