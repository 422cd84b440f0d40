-- Append prices of tables. Grain: one row per model × step of its price; one that is none goes to quarantine.
create or replace temp table landed_prices as
select
    *,
    case
        when coalesce(trim(model), '') = '' then 'model is missing'
        when coalesce(trim(source), '') = '' then 'source is missing: nobody knows where the price comes from'
        when provider is null or entry is null or as_of is null then 'provider, entry or as_of is missing'
        when coalesce(above_tokens, -1) < 0 then 'above_tokens is not a number from 0 up'
        when not coalesce(usd_per_prompt_token between 0 and 0.01 and usd_per_output_token between 0 and 0.01, false)
            or not coalesce(usd_per_cached_prompt_token between 0 and 0.01, true)
            then 'a price is not a number of USD per token between 0 and 0.01'
    end as reason
from landed_rows(getvariable('price_files'));

insert into quarantine by name
select
    'prices' as kind,
    file,
    place as row_number,
    reason,
    to_json(landed_prices) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_prices
where reason is not null;

insert into prices by name
select * exclude (place, file, reason)
from landed_prices
where reason is null;

drop table landed_prices;
