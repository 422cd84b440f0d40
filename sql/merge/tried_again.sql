-- Landed files that were set aside before: what was said of them then goes, for they are tried again.
delete from quarantine where file_id in (select file_id from landed_files);
delete from ingested_files where file_id in (select file_id from landed_files);
