-- Keep refused executions as they came. Grain: one row per refused execution.
insert into quarantine by name
select
    'traces' as kind,
    coalesce(landed_files.source_file, landed_files.name) as file,
    coalesce(columns_of_row.row_number, trace_rejects.file_row_number + 1) as row_number,
    trace_rejects.reason,
    to_json(columns_of_row) as content,
    landed_files.file_id,
    getvariable('now') as ingested_at
from (
    select filename as path, file_row_number as number, columns(* exclude (filename, file_row_number)) from landed_traces
) as columns_of_row
inner join landed_files using (path)
inner join trace_rejects on trace_rejects.file_number = landed_files.file_number and trace_rejects.file_row_number = number;
