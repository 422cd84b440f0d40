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

outputs as (
    select
        executions.topic,
        md5_number_lower(
            coalesce(nullif(trim(executions.question), ''), executions.question_id, executions.execution_id)
        ) as question_key,
        calls.model,
        -- Recorded elsewhere, a lone model's quality may be known of the execution alone.
        coalesce(calls.subplan_qoa, case when executions.level = 0 then executions.qoa end) as qoa
    from calls
    inner join executions using (execution_id)
    left join models using (model)
    where
        calls.subplan_level = 0
        and (calls.subplan_qoa is not null or (executions.level = 0 and executions.status = 'answered' and executions.qoa is not null))
        and calls.error is null
        and not coalesce(calls.cached, false)
        and coalesce(coalesce(calls.digest, calls.answered_model) = models.served, true)
        and executions.ingestion not in (select ingestion from reviewed_files)
        and (
            executions.run_id is null
            or executions.run_id not in (select run_id from model_trials where run_id is not null)
        )
),

questions as (
    select topic, question_key, model, avg(qoa) as accuracy
    from outputs
    group by topic, question_key, model
),

-- A sample that stays the same: the smallest digests.
sampled as (
    select topic, question_key
    from questions
    group by topic, question_key
    qualify row_number() over (partition by topic order by question_key) <= $most
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
    semi join sampled using (topic, question_key)
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
