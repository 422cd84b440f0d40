-- Landed executions of a batch, read from their files whenever they are asked for. Grain: one row per file × row.
-- The files are in the variables trace_files and, put together, gathered_files; the first one of each is empty and has
-- every column, so that a column that a file leaves out is NULL.
create or replace temp view landed_traces as
select * from read_parquet(getvariable('trace_files'), union_by_name = true, filename = true, file_row_number = true)
union all by name
select * from read_parquet(getvariable('gathered_files'), union_by_name = true);
