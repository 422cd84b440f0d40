-- The landed files that were merged after a snapshot (temp table later_files): those of the database after that before
-- has not merged. Grain: one row per file.
create or replace temp table later_files as
select file_id, ingestion, kind, file, source_file, source_hash, ingested_at
from after.ingested_files
anti join before.ingested_files using (file_id);
