-- Append published figures. Grain: one row per figure; one that is none goes to quarantine.
create or replace temp table landed_priors as
select
    *,
    case
        when coalesce(trim(model), '') = '' then 'model is missing'
        when coalesce(trim(topic), '') = '' then 'topic is missing'
        when coalesce(trim(metric), '') = '' then 'metric is missing'
        when coalesce(trim(source), '') = '' then 'source is missing: nobody knows where the figure comes from'
        when value is null then 'value is missing'
        when not isfinite(value) or value < 0 then 'value is ' || value || ', not a number from 0 up'
        when metric = 'qoa' and value > 1 then 'value is ' || value || ', not between 0 and 1'
        when metric = 'chars_per_token' and value = 0 then 'value is 0: leave it out if it is unknown'
    end as reason
from landed_rows(getvariable('prior_files'));

insert into quarantine by name
select
    'priors' as kind,
    file,
    coalesce(row_number, place) as row_number,
    reason,
    to_json(landed_priors) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_priors
where reason is not null;

insert into priors by name
select model, topic, metric, value, source, as_of, file_id, ingestion
from landed_priors
where reason is null;

drop table landed_priors;
