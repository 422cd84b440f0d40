-- Figures of models that differ between two attached snapshots. Grain: one row per model × topic × task × metric.
with

compared as (
    select
        coalesce(b.model, a.model) as model,
        coalesce(b.topic, a.topic) as topic,
        coalesce(b.task, a.task) as task,
        coalesce(b.metric, a.metric) as metric,
        case when b.model is null then 'new' when a.model is null then 'gone' else 'changed' end as change,
        b.value as before,
        a.value as after,
        b.n_observations as n_before,
        a.n_observations as n_after,
        a.provenance
    from before_model_figures as b
    full join after_model_figures as a
        on a.model = b.model and a.topic = b.topic and a.task = b.task and a.metric = b.metric
)

select * from compared
where change <> 'changed' or before is distinct from after or n_before <> n_after
order by model, topic, task, metric
