-- Append trials of models. Grain: one row per trial × model; one that is on record already adds nothing.
-- A quality or accuracy out of range goes to quarantine.
create or replace temp table landed_trials as
select
    * rename (place as row_number),
    case
        when coalesce(trim(trial), '') = '' or coalesce(trim(model), '') = '' then 'trial or model is missing'
        when isnan(quality) or quality < 0 or quality > 10 then 'quality is ' || quality || ', not between 0 and 10'
        when
            isnan(accuracy) or accuracy < 0 or accuracy > 1
            or isnan(generation_accuracy) or generation_accuracy < 0 or generation_accuracy > 1
            or isnan(review_accuracy) or review_accuracy < 0 or review_accuracy > 1
            then 'an accuracy is not between 0 and 1'
    end as reason
from landed_rows(getvariable('trial_files'));

insert into quarantine by name
select
    'trials' as kind,
    file,
    row_number,
    reason,
    to_json(landed_trials) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_trials
where reason is not null;

insert into model_trials by name
select
    trial,
    coalesce(topic, '*') as topic,
    coalesce(task, '*') as task,
    model,
    quality,
    generation_accuracy,
    review_accuracy,
    accuracy,
    coalesce(n, 1) as n,
    run_id,
    coalesce(source, file) as source,
    file_id,
    ingestion
from landed_trials as new
where
    reason is null
    and not exists (
        select 1
        from model_trials as old
        where
            old.trial = new.trial
            and old.topic = coalesce(new.topic, '*')
            and old.model = new.model
            and old.quality is not distinct from new.quality
            and old.accuracy is not distinct from new.accuracy
            and old.review_accuracy is not distinct from new.review_accuracy
    );

drop table landed_trials;
