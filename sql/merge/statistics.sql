-- Append published means of plans; what a file says twice is said once.

create or replace temp table landed_statistics as
select
    * exclude (topic, task, place),
    -- Files that were landed by an older optiq say the task in the place of the topic.
    case when topic in ('open', 'choice') then '*' else topic end as topic,
    case when topic in ('open', 'choice') then topic else coalesce(task, '*') end as task,
    first_value(row_number) over same as first_row,
    row_number() over same as turn,
    hash(
        cost_usd, -- each metric
        n_observations, output_tokens, mean_question_chars
    ) as figures,
    first_value(figures) over same as first_figures,
    case
        when coalesce(trim(topic), '') = '' then 'topic is missing'
        when coalesce(trim(plan_key), '') = '' then 'plan_key is missing'
        when coalesce(trim(source), '') = '' then 'source is missing: nobody knows where the figures come from'
        when n_observations is null or n_observations < 1
            then 'n_observations is ' || coalesce(n_observations::varchar, 'missing') || ', not 1 or more'
        when qoa < 0 or qoa > 1 or isnan(qoa) then 'qoa is ' || qoa || ', not between 0 and 1'
        when cost_usd < 0 or not isfinite(cost_usd) then 'cost_usd is ' || cost_usd || ', not a number from 0 up' -- each resource
        when latency_s = 0 then 'latency_s is 0: leave it out if it is unknown'
        when output_tokens < 0 or not isfinite(output_tokens) then 'output_tokens is ' || output_tokens || ', not a number from 0 up'
        when turn > 1 then
            case when figures = first_figures then 'repeats' else 'differs from' end
            || ' row ' || first_row || ', which is about the same topic and plan'
    end as reason
from landed_rows(getvariable('statistics_files'))
window same as (
    partition by file_id, topic, coalesce(task, '*'), plan_key, source, as_of order by row_number
);

insert into quarantine by name
select
    'statistics' as kind,
    file,
    row_number,
    reason,
    to_json(landed_statistics) as content,
    file_id,
    getvariable('now') as ingested_at
from landed_statistics
where reason is not null;

insert into published_statistics by name
select
    cost_usd, -- each metric
    topic, task, plan_key, n_observations, output_tokens, mean_question_chars, source, as_of, file_id, ingestion
from landed_statistics
where reason is null
order by ingestion, row_number;
