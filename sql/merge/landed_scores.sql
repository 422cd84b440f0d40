-- Landed scores: what is refused goes to quarantine, the latest of each execution counts (temp table new_scores).
-- Scores come after the run: each row gives the QoA of an execution that was merged before, and of its nodes.

create or replace temp table landed_scores as
select
    scores.*,
    landed_files.file_id,
    landed_files.ingestion,
    coalesce(landed_files.source_file, landed_files.name) as file,
    case
        when scores.execution_id is null then 'execution_id is missing'
        when executions.execution_id is null
            then 'execution_id ' || scores.execution_id || ' is not in PerfDB: bring its trace in first'
        when scores.qoa is null and len(coalesce(scores.nodes, [])) = 0 or isnan(scores.qoa) or scores.qoa < 0 or scores.qoa > 1
            then 'qoa is ' || coalesce(scores.qoa::varchar, 'missing') || ', not between 0 and 1'
        when len(list_filter(scores.nodes, lambda n: n.node is null or n.qoa is null or n.qoa < 0 or n.qoa > 1)) > 0
            then 'a node has no qoa between 0 and 1'
    end as reason
from read_parquet(getvariable('score_files'), union_by_name = true, filename = true, file_row_number = true) as scores
inner join landed_files on landed_files.path = scores.filename
left join (select distinct execution_id from executions) as executions using (execution_id);

insert into quarantine by name
select
    'scores' as kind,
    file,
    file_row_number + 1 as row_number,
    reason,
    to_json(landed_scores) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_scores
where reason is not null;

create or replace temp table new_scores as
select * exclude (filename, file, reason)
from landed_scores
where reason is null
qualify row_number() over (partition by execution_id order by ingestion desc, file_row_number desc) = 1;

insert into trace_counts
select file_id, count(*) from landed_scores where reason is null group by file_id;
