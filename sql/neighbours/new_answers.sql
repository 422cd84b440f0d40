-- Judged answers of lone models in executions that were not read yet (temp table new_answers); a lone model may be the
-- first node of a larger plan. Grain: one row per question × task × model × what answered. And their questions (temp
-- table new_questions). Texts are long: answers are gathered by their digests.
create or replace temp macro logs_of(x) as
    {'n': count(*) filter (x > 0), 'total': coalesce(sum(ln(x)) filter (x > 0), 0.0)};

create or replace temp table new_lone_calls as
with

runs as (
    select
        execution_id,
        text_key as question_key,
        task,
        operations,
        sink_model,
        repeated_nodes,
        case when status = 'answered' then qoa end as qoa,
        cost_usd, -- each resource
        -- what says no time counts as of the night that it came in
        coalesce(started_at, ingested_at) as started_at
    from executions
    inner join plans using (plan_key)
    inner join (select ingestion, ingested_at from ingested_files) as files using (ingestion)
    inner join keys_of_texts(getvariable('past_ingestion')) using (question)
    where ingestion > getvariable('past_ingestion')
),

answers as (
    select
        runs.question_key,
        runs.task,
        runs.started_at,
        runs.execution_id,
        calls.model,
        told_weights(calls.model, calls.digest, calls.answered_model) as served,
        coalesce(calls.subplan_qoa, case when runs.operations = 1 then runs.qoa end) as qoa,
        calls.cost_usd, -- each resource
    from calls
    inner join runs using (execution_id)
    where
        calls.ingestion > getvariable('past_ingestion')
        and calls.subplan_level = 0
        and calls.error is null
        and not coalesce(calls.cached, false)
        and not list_contains(runs.repeated_nodes, calls.node)
    union all
    -- recorded elsewhere without its calls
    select
        runs.question_key,
        runs.task,
        runs.started_at,
        runs.execution_id,
        runs.sink_model,
        null,
        runs.qoa,
        runs.cost_usd, -- each resource
    from runs
    anti join (select execution_id from calls where ingestion > getvariable('past_ingestion')) as told
        using (execution_id)
    where runs.operations = 1
)

select * from answers where qoa is not null;

create or replace temp table new_answers as
select
    question_key,
    task,
    model,
    served,
    count(*) as n,
    sum(qoa) as total,
    logs_of(cost_usd) as log_cost_usd, -- each resource
from new_lone_calls
group by question_key, task, model, served;

create or replace temp table new_questions as
with

judged as (
    select execution_id, any_value(question_key) as question_key, any_value(task) as task, max(started_at) as started_at
    from new_lone_calls
    group by execution_id
)

select
    question_key,
    judged.task,
    min(question) as question,
    arg_max(coalesce(nullif(topics, []), [{'topic': topic, 'weight': 1.0}]), (judged.started_at, execution_id)) as topics,
    max(judged.started_at) as last_seen
from executions
inner join judged using (execution_id)
where ingestion > getvariable('past_ingestion')
group by question_key, judged.task;

drop table new_lone_calls;
