-- What was observed in files that a person gave says so: its provenance names them. Grain: as plan_statistics and
-- model_figures; runs of our own have no file.

create or replace temp macro named(files) as
    ', from ' || array_to_string(files[:3], ', ') || case when len(files) > 3 then ' and ' || (len(files) - 3) || ' more' else '' end;

create or replace temp table files_of_plans as
select
    coalesce(topic, '*') as topic,
    coalesce(task, '*') as task,
    plan_key,
    named(list_sort(list_distinct(list(source_file)))) as told
from (
    select distinct topic, task, plan_key, source_file
    from executions
    inner join (select ingestion, source_file from ingested_files where source_file is not null) using (ingestion)
    where status = 'answered'
)
group by grouping sets ((topic, task, plan_key), (topic, plan_key), (task, plan_key), (plan_key));

update plan_statistics as known
set provenance = known.provenance || files.told
from files_of_plans as files
where
    files.topic = known.topic and files.task = known.task and files.plan_key = known.plan_key
    and known.provenance like 'observed%';

update model_figures as known
set provenance = known.provenance || files.told
from files_of_plans as files
where
    files.topic = known.topic and files.task = known.task and files.plan_key = single(known.model)
    and known.provenance like 'observed%';
