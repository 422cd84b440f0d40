-- The rows of a file that were set aside. Grain: one row per refused row.
select * from after.quarantine where file_id = getvariable('file_id');
