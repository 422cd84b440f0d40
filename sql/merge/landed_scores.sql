-- Landed scores: what is refused goes to quarantine, the latest of each execution counts (temp table new_scores).
-- Scores come after the run: each row gives the QoA of an execution that was merged before, and of its nodes.

create or replace temp table landed_scores as
select
    scores.*,
    case
        when scores.execution_id is null then 'execution_id is missing'
        when executions.execution_id is null
            then 'execution_id ' || scores.execution_id || ' is not in PerfDB: bring its trace in first'
        when scores.qoa is null and len(coalesce(scores.nodes, [])) = 0 or isnan(scores.qoa) or scores.qoa < 0 or scores.qoa > 1
            then 'qoa is ' || coalesce(scores.qoa::varchar, 'missing') || ', not between 0 and 1'
        when len(list_filter(scores.nodes, lambda n: n.node is null or n.qoa is null or n.qoa < 0 or n.qoa > 1)) > 0
            then 'a node has no qoa between 0 and 1'
    end as reason
from landed_rows(getvariable('score_files')) as scores
left join (select distinct execution_id from executions) as executions using (execution_id);

insert into quarantine by name
select
    'scores' as kind,
    file,
    place as row_number,
    reason,
    to_json(landed_scores) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_scores
where reason is not null;

create or replace temp table new_scores as
select * exclude (file, reason)
from landed_scores
where reason is null
qualify row_number() over (partition by execution_id order by ingestion desc, place desc) = 1;

insert into trace_counts
select file_id, count(*) from landed_scores where reason is null group by file_id;
