-- Figures of single models in wide form. Grain: one row per model × topic × task.
create or replace view model_statistics as
with

sources as (
    select
        model,
        topic,
        task,
        provenance,
        string_agg(metric, ', ' order by metric) as metrics,
        bool_or(metric = 'qoa') as about_quality
    from model_figures
    group by model, topic, task, provenance
),

provenances as (
    select
        model,
        topic,
        task,
        case
            when count(*) = 1 then first(provenance)
            else string_agg(provenance || ' (' || metrics || ')', '; ' order by about_quality desc, provenance)
        end as provenance
    from sources
    group by model, topic, task
)

select
    model,
    topic,
    task,
    max(value) filter (metric = 'usd_per_output_token') as usd_per_output_token, -- each rate
    max(value) filter (metric = 'output_tokens') as output_tokens,
    max(value) filter (metric = 'chars_per_token') as chars_per_token,
    max(value) filter (metric = 'qoa') as qoa,
    max(n_observations) as n_observations,
    any_value(provenances.provenance) as provenance
from model_figures
inner join provenances using (model, topic, task)
group by model, topic, task
order by model, topic, task;
comment on view model_statistics is 'What planners know of single models: model_figures with a column per metric, one row per model × topic × task.';
comment on column model_statistics.model is 'Model.';
comment on column model_statistics.topic is 'Topic; * for any topic.';
comment on column model_statistics.task is 'open (facts), choice, number, long, code or json; * for any.';
comment on column model_statistics.usd_per_output_token is 'usd_per_output_token that planners use, from what is published and observed. NULL if nothing is known.'; -- each rate
comment on column model_statistics.output_tokens is 'Mean tokens of an output.';
comment on column model_statistics.chars_per_token is 'Characters of a prompt per token.';
comment on column model_statistics.qoa is 'Quality of the model alone, 0 to 1.';
comment on column model_statistics.n_observations is 'Observations behind the figure that has most.';
comment on column model_statistics.provenance is 'On what the figures stand.';
