-- Add the answers of executions after the ingestion answers_after to lone_answers; the $most questions per topic with
-- the smallest digests stay. One that is among them now was so whenever it was there, so nothing of it is missing.
-- An answer is the output of a single model, alone or as a node of a larger plan. What reviews and histories say comes as
-- it is (model_trials), and their own traces are not counted a second time.
create or replace temp table more_lone_answers as
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

runs as (
    select
        execution_id,
        topic,
        coalesce(text_key, key_of_question(question, question_id, execution_id)) as question_key,
        case when level = 0 and status = 'answered' then qoa end as lone_qoa
    from executions
    left join keys_of_texts(getvariable('answers_after')) using (question)
    where
        ingestion > getvariable('answers_after')
        and ingestion not in (select ingestion from reviewed_files)
        and (run_id is null or run_id not in (select run_id from model_trials where run_id is not null))
)

select
    runs.topic,
    runs.question_key,
    calls.model,
    told_weights(calls.model, calls.digest, calls.answered_model) as served,
    count(*) as n,
    -- Recorded elsewhere, a lone model's quality may be known of the execution alone.
    sum(coalesce(calls.subplan_qoa, runs.lone_qoa)) as total
from calls
inner join runs using (execution_id)
where
    calls.ingestion > getvariable('answers_after')
    and calls.subplan_level = 0
    and coalesce(calls.subplan_qoa, runs.lone_qoa) is not null
    and calls.error is null
    and not coalesce(calls.cached, false)
group by all;

-- Of new questions those that may stay, with what was there of them: only they are written.
create or replace temp table merged_lone_answers as
with

sampled as (
    select topic, question_key
    from more_lone_answers
    group by topic, question_key
    qualify row_number() over (partition by topic order by question_key) <= getvariable('most_lone_questions')
)

select topic, question_key, model, served, sum(n)::bigint as n, sum(total) as total
from (
    from lone_answers
    union all by name
    from more_lone_answers
)
semi join sampled using (topic, question_key)
group by all;

delete from lone_answers
using (select distinct topic, question_key from merged_lone_answers) as new
where lone_answers.topic = new.topic and lone_answers.question_key = new.question_key;

insert into lone_answers by name
select * from merged_lone_answers order by topic, question_key, model, served;

delete from lone_answers
using (
    select topic, question_key
    from lone_answers
    group by topic, question_key
    qualify row_number() over (partition by topic order by question_key) > getvariable('most_lone_questions')
) as beyond
where lone_answers.topic = beyond.topic and lone_answers.question_key = beyond.question_key;

drop table more_lone_answers;
drop table merged_lone_answers;
delete from lone_answers_basis;
insert into lone_answers_basis select coalesce(max(ingestion), 0) from ingested_files;
