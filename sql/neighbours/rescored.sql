-- Correct what late scores change of answers that were read already; those of questions that nobody had judged before
-- are added. Grain of new_answers: as there; n and total are differences.
create or replace temp table new_answers as
select
    executions.question,
    rescored.task,
    plans.sink_model as model,
    case when len(rescored.served) > 0 then substr(rescored.served[1], length(plans.sink_model) + 2) end as served,
    arg_max(
        coalesce(nullif(executions.topics, []), [{'topic': executions.topic, 'weight': 1.0}]),
        (executions.started_at, execution_id)
    ) as topics,
    max(coalesce(executions.started_at, ingested_at)) as last_seen,
    count(new_qoa) - count(old_qoa) as n,
    coalesce(sum(new_qoa), 0.0) - coalesce(sum(old_qoa), 0.0) as total,
    -- what the calls cost is not known anew
    null::struct(n bigint, total double) as log_cost_usd, -- each resource
from rescored
inner join plans using (plan_key)
inner join executions using (execution_id)
inner join (select ingestion, ingested_at from ingested_files) as files using (ingestion)
where
    plans.operations = 1
    and trim(executions.question) <> ''
    and executions.ingestion <= getvariable('past_ingestion')
group by all;
