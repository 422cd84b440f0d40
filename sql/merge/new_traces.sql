-- Landed executions that are merged. Grain: one row per execution.
create or replace temp view new_traces as
select landed_traces.*, landed_files.file_id, landed_files.file_number, landed_files.ingestion
from landed_traces
inner join landed_files on landed_files.path = landed_traces.filename
anti join trace_rejects using (file_number, file_row_number);
