-- The trials of models that a file brought. Grain: one row per trial × model.
select trials.* from after.model_trials as trials
semi join (select ingestion from later_files where file_id = getvariable('file_id')) using (ingestion);
