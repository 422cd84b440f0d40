-- Correct what late scores change of answers that were read already; those of questions that nobody had judged before
-- are added. Grain of new_answers: as there; n and total are differences.
create or replace temp table new_rescored as
select
    execution_id,
    md5_number_lower(trim(executions.question)) as question_key,
    executions.question,
    coalesce(nullif(executions.topics, []), [{'topic': executions.topic, 'weight': 1.0}]) as topics,
    coalesce(executions.started_at, ingested_at) as last_seen,
    rescored.task,
    plans.sink_model as model,
    case when len(rescored.served) > 0 then substr(rescored.served[1], length(plans.sink_model) + 2) end as served,
    old_qoa,
    new_qoa
from rescored
inner join plans using (plan_key)
inner join executions using (execution_id)
inner join (select ingestion, ingested_at from ingested_files) as files using (ingestion)
where
    plans.operations = 1
    and trim(executions.question) <> ''
    and executions.ingestion <= getvariable('past_ingestion');

create or replace temp table new_answers as
select
    question_key,
    task,
    model,
    served,
    count(new_qoa) - count(old_qoa) as n,
    coalesce(sum(new_qoa), 0.0) - coalesce(sum(old_qoa), 0.0) as total,
    -- what the calls cost is not known anew
    null::struct(n bigint, total double) as log_cost_usd, -- each resource
from new_rescored
group by question_key, task, model, served;

create or replace temp table new_questions as
select
    question_key,
    task,
    min(question) as question,
    arg_max(topics, (last_seen, execution_id)) as topics,
    max(last_seen) as last_seen
from new_rescored
group by question_key, task;

drop table new_rescored;
