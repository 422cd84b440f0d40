-- Record the files: merged, so that none is merged again, or set aside with the reason. Grain: one row per landed file.
insert into quarantine by name
select
    kind,
    coalesce(source_file, name) as file,
    null::bigint as row_number,
    refused_because as reason,
    file_id,
    getvariable('now') as ingested_at
from landed_files
where refused_because is not null;

insert into ingested_files by name
with

taken as (
    select file_id, count(*) as n from priors group by file_id
    union all
    select file_id, count(*) from prices group by file_id
    union all
    select file_id, count(*) from published_statistics group by file_id
    union all
    select file_id, n from trace_counts
    union all
    select file_id, count(*) from model_trials group by file_id
),

refused as (
    select file_id, count(*) as n from quarantine semi join landed_files using (file_id) group by file_id
)

select
    file_id,
    landed_files.ingestion,
    landed_files.kind,
    landed_files.name as file,
    landed_files.source_file,
    landed_files.source_hash,
    coalesce(taken.n, 0) as n_rows,
    case when refused_because is null then coalesce(refused.n, 0) else refused_rows end as n_quarantined,
    refused_because,
    getvariable('now') as ingested_at
from landed_files
left join taken using (file_id)
left join refused using (file_id);
