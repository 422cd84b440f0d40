-- What is checked of landed executions, read from the files once. Grain: one row per file × row. The variable most holds
-- the highest believable figure of a run per metric.
create or replace temp table judged_traces as
with

judged as (
    select
        filename,
        file_row_number,
        execution_id,
        plan_key,
        list_transform(calls, lambda c: c.subplan_key) as subplan_keys,
        case
            when execution_id is null or execution_id = '' then 'execution_id is missing'
            when plan_key is null or plan_key = '' then 'plan_key is missing'
            when status is null or status not in ('answered', 'failed')
                then 'status is ' || coalesce('''' || status || '''', 'missing') || ', not answered or failed'
            when not list_contains(getvariable('kinds'), kind)
                then 'kind is ' || kind || ', not one of ' || array_to_string(getvariable('kinds'), ', ')
            when energy_source not in ('measured', 'predicted')
                then 'energy_source is ' || energy_source || ', not measured or predicted'
            when qoa_source not in ('given', 'scored') then 'qoa_source is ' || qoa_source || ', not given or scored'
            when figure(qoa) < 0 or figure(qoa) > 1 then 'qoa is ' || qoa || ', not between 0 and 1'
            when figure(predicted_qoa) < 0 or figure(predicted_qoa) > 1
                then 'predicted_qoa is ' || predicted_qoa || ', not between 0 and 1'
            when figure(cost_usd) < 0 or figure(cost_usd) > getvariable('most').cost_usd then 'cost_usd is ' || cost_usd -- each resource
            when figure(latency_s) = 0 and status = 'answered' and len(list_filter(calls, lambda c: c.cached)) is distinct from len(calls)
                then 'latency_s is 0: leave it out if it is unknown'
            when started_at > getvariable('now') + interval 1 day then 'started_at is ' || started_at || ', in the future'
            when len(list_filter(calls, lambda c: c.node is null or c.node < 0)) > 0 then 'a call has no node'
            when len(list_distinct(list_transform(calls, lambda c: c.node))) < len(calls)
                then 'two calls have the same node'
            when len(list_filter(calls, lambda c: c.model is null or c.model = '')) > 0
                then 'a call names no model'
            when len(list_filter(calls, lambda c:
                c.prompt_tokens < 0 or c.output_tokens < 0
                or figure(c.cost_usd) < 0 or figure(c.cost_usd) > getvariable('most').cost_usd -- each resource
            )) > 0 then 'a call has a figure below 0 or beyond belief'
            when len(list_filter(calls, lambda c: figure(c.subplan_qoa) < 0 or figure(c.subplan_qoa) > 1)) > 0
                then 'a call has a subplan_qoa that is not between 0 and 1'
        end as reason
    from landed_traces
)

select file_number, judged.* exclude (filename)
from judged
inner join landed_files on landed_files.path = judged.filename;

-- Landed executions that cannot be merged, with the reason. Grain: one row per file × row.
create or replace temp table trace_rejects as
with

-- The first row with an id counts, in the order of the files.
ids as (
    select
        execution_id,
        min({'file': file_number, 'row': file_row_number}) as first_row
    from judged_traces
    group by execution_id
    having count(*) > 1
),

repeats as (
    select
        file_number,
        file_row_number,
        'execution_id ' || execution_id || ' is given twice' as reason
    from judged_traces
    inner join ids using (execution_id)
    where {'file': file_number, 'row': file_row_number} > ids.first_row
),

known as (
    select
        file_number,
        file_row_number,
        -- what was merged tonight came in an earlier batch
        'execution_id ' || execution_id
        || case when executions.ingestion > getvariable('last_ingestion') then ' is given twice' else ' is in PerfDB already' end
            as reason
    from judged_traces
    inner join executions using (execution_id)
),

together as (
    select file_number, file_row_number, reason from judged_traces where reason is not null
    union all
    select * from repeats
    union all
    select * from known
)

select file_number, file_row_number, min(reason) as reason from together group by all;
