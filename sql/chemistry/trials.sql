-- Trials of models, from $most questions per topic at most. Grain: one row per topic × trial × model.
-- From traces a trial is a question: a model's accuracy there is the mean QoA of its outputs without context (single
-- models, alone or as a node of a larger plan), its quality ten times that. What reviews and histories say comes as it
-- is, and their own traces are not counted a second time. Only models that are served now count, by the weights that
-- answered.
with

-- Files and runs whose trials are in model_trials.
reviewed_files as (
    select traces.ingestion
    from ingested_files as traces
    semi join (
        select source_hash
        from ingested_files
        where kind = 'trials' and source_hash is not null
    ) as trials using (source_hash)
    where traces.kind = 'traces'
),

-- A sample that stays the same: the smallest digests of the questions that a lone model was judged on.
sampled as (
    select topic, question_key
    from plan_questions
    semi join (select plan_key from plans where operations = 1) as lone using (plan_key)
    group by topic, question_key
    qualify row_number() over (partition by topic order by question_key) <= $most
),

runs as (
    select
        execution_id,
        topic,
        md5_number_lower(coalesce(nullif(trim(question), ''), question_id, execution_id)) as question_key,
        case when level = 0 and status = 'answered' then qoa end as lone_qoa
    from executions
    where
        ingestion not in (select ingestion from reviewed_files)
        and (run_id is null or run_id not in (select run_id from model_trials where run_id is not null))
),

questions as (
    select
        runs.topic,
        runs.question_key,
        calls.model,
        -- Recorded elsewhere, a lone model's quality may be known of the execution alone.
        avg(coalesce(calls.subplan_qoa, runs.lone_qoa)) as accuracy
    from calls
    inner join (select runs.* from runs semi join sampled using (topic, question_key)) as runs using (execution_id)
    left join models using (model)
    where
        calls.subplan_level = 0
        and coalesce(calls.subplan_qoa, runs.lone_qoa) is not null
        and calls.error is null
        and not coalesce(calls.cached, false)
        and coalesce(told_weights(calls.model, calls.digest, calls.answered_model) = models.served, true)
    group by all
),

judged as (
    select
        topic,
        question_key::varchar as trial,
        model,
        10 * accuracy as quality,
        accuracy,
        'traces' as source
    from questions
),

reviewed as (
    select
        topic,
        trial,
        model,
        avg(quality) as quality,
        avg(accuracy) as accuracy,
        case when any_value(run_id) is null then 'histories' else 'reviews' end as source
    from model_trials
    where quality is not null and accuracy is not null
    group by topic, trial, model
)

select topic, trial, model, quality, accuracy, source from judged
union all
select topic, trial, model, quality, accuracy, source from reviewed
order by topic, trial, model;
