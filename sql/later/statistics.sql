-- The published means of plans that a file brought, numbered anew. Grain: one row per topic × plan × task.
select means.*, row_number() over () as row_number from after.published_statistics as means
semi join (select ingestion from later_files where file_id = getvariable('file_id')) using (ingestion);
