-- How many judged answers each model has, on the topics with most of them. Grain: one row per topic × task × model.
select *
from chart_coverage
where topic in (
    select topic from chart_coverage group by topic order by sum(n_judged) desc, topic limit $rows
)
order by topic, task, model
