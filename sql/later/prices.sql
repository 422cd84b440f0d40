-- The prices that a file brought. Grain: one row per model × step.
select prices.* from after.prices as prices
semi join (select ingestion from later_files where file_id = getvariable('file_id')) using (ingestion);
