-- Append rows that were refused at ingest. Grain: one row per refused row.
insert into quarantine by name
select
    coalesce(rejects.kind, 'unknown') as kind,
    coalesce(rejects.file, landed_files.source_file, landed_files.name) as file,
    rejects.row_number,
    coalesce(rejects.reason, 'no reason was given') as reason,
    rejects.content,
    landed_files.file_id, getvariable('now') as ingested_at
from read_parquet(getvariable('reject_files'), union_by_name = true, filename = true) as rejects
inner join landed_files on landed_files.path = rejects.filename;
