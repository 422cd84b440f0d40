-- Append published means of plans; what a file says twice is said once.

create or replace temp table landed_statistics as
select
    published.* exclude (topic, task),
    -- Files that were landed by an older optiq say the task in the place of the topic.
    case when topic in ('open', 'choice') then '*' else topic end as topic,
    case when topic in ('open', 'choice') then topic else coalesce(task, '*') end as task,
    landed_files.file_id,
    landed_files.ingestion,
    coalesce(landed_files.source_file, landed_files.name) as file,
    first_value(row_number) over same as first_row,
    row_number() over same as place,
    hash(
        cost_usd, -- each metric
        n_observations, output_tokens, mean_question_chars
    ) as figures,
    first_value(figures) over same as first_figures
from read_parquet(getvariable('statistics_files'), union_by_name = true, filename = true) as published
inner join landed_files on landed_files.path = published.filename
window same as (
    partition by landed_files.file_id, topic, coalesce(task, '*'), plan_key, source, as_of order by row_number
);

insert into quarantine by name
select
    'statistics' as kind,
    file,
    row_number,
    case when figures = first_figures then 'repeats' else 'differs from' end
    || ' row ' || first_row || ', which is about the same topic and plan' as reason,
    to_json(landed_statistics) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_statistics
where place > 1;

insert into published_statistics by name
select
    cost_usd, -- each metric
    topic, task, plan_key, n_observations, output_tokens, mean_question_chars, source, as_of, file_id, ingestion
from landed_statistics
where place = 1
order by ingestion, row_number;
