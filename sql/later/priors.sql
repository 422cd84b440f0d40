-- The published figures that a file brought. Grain: one row per figure.
select priors.* from after.priors as priors
semi join (select ingestion from later_files where file_id = getvariable('file_id')) using (ingestion);
