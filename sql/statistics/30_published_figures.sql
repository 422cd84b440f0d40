-- What is published and counts: the latest as_of, then the latest ingestion, then the last source by name.
-- Task * is that of sources that do not say it; it is the start of every task that has no figure of its own.

-- Means of plans. Grain: one row per topic × task × plan.
create or replace temp table published_plans as
select *
from published_statistics
qualify row_number() over (
    partition by topic, task, plan_key order by as_of desc nulls last, ingestion desc, source desc
) = 1;

-- Figures of models, those of one-model plans among them. Grain: one row per model × topic × task × metric.
-- In priors a task may stand in the place of the topic.
create or replace temp table published_figures as
with

together as (
    select
        model,
        case when topic in ('open', 'choice') then '*' else topic end as topic,
        case when topic in ('open', 'choice') then topic else '*' end as task,
        metric, value, source, as_of, ingestion
    from priors
    union all
    select plans.sink_model, topic, task, 'qoa', qoa, source, as_of, ingestion
    from published_statistics inner join plans using (plan_key)
    where plans.operations = 1 and qoa is not null
    union all
    select plans.sink_model, topic, task, 'output_tokens', output_tokens, source, as_of, ingestion
    from published_statistics inner join plans using (plan_key)
    where plans.operations = 1 and output_tokens is not null
)

select model, topic, task, metric, value, source
from together
qualify row_number() over (
    partition by model, topic, task, metric order by as_of desc nulls last, ingestion desc, source desc
) = 1;
