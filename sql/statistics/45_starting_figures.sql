-- What the figures of a task start from. Grain: one row per model × task × metric.
--
-- What is published for the task, else for any. A length that is published for any task is one of facts, mostly: it is
-- left out where answers of the form are longer than facts or cannot be so long (usual_lengths: task, usual and longest
-- tokens, and the longest ones of a fact). Other forms say nothing of the length of one.
create or replace temp table starting_figures as
with

lengths as (
    select unnest(getvariable('usual_lengths'), recursive := true)
),

-- Of a model that was observed, the lengths of all forms: what was seen of some would stand in for the others, else.
observed_tasks as (
    select distinct model, task, metric from observed_means where metric <> 'output_tokens'
    union all
    select model, lengths.task, 'output_tokens'
    from (select distinct model from observed_means where metric = 'output_tokens'), lengths
),

wide as (
    select
        observed_tasks.model, observed_tasks.task, observed_tasks.metric, published.value, published.source
    from observed_tasks
    inner join published_figures as published
        on published.model = observed_tasks.model and published.metric = observed_tasks.metric
        and published.topic = '*' and published.task = '*'
    left join lengths on lengths.task = observed_tasks.task
    where
        observed_tasks.metric <> 'output_tokens'
        or (published.value <= lengths.longest and not (published.value <= lengths.fact and lengths.fact < lengths.usual))
)

select model, task, metric, value, source, true as of_task
from published_figures
where topic = '*' and task <> '*'
union all
select *, false as of_task from wide
anti join (select * from published_figures where topic = '*' and task <> '*') as exact using (model, task, metric);
