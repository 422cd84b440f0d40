-- What the calls that are asked for (temp table drift_asked) did (temp table drift_figures). Grain: one row per call ×
-- metric.
--
-- Calls are of one kind if they answer questions of one topic and task at the end of one sub-plan: so neither other
-- questions nor other plans look like drift. Quality is that of the model alone, for a worse predecessor must not be
-- laid to the model that reads it. Latency and cost are divided by what the tokens explain. All but quality are
-- logarithms, so that a change is a factor.

-- a variable, unlike a column of another table, lets DuckDB leave out what is older
set variable drift_from = (select min(after_ingestion) from drift_asked);

create or replace temp table drift_figures as
with

figures as (
    select
        calls.model,
        runs.topic,
        runs.task,
        calls.subplan_key,
        coalesce(calls.started_at, runs.started_at) as started_at,
        key_of_question(runs.question, runs.question_id, runs.execution_id) as question_key,
        case when calls.subplan_key = single(calls.model) then calls.subplan_qoa end as qoa,
        ln(nullif(calls.latency_s, 0)) - coalesce(
            ln(nullif(
                coalesce(seconds_fixed, 0)
                + seconds_per_prompt_token * calls.prompt_tokens + seconds_per_output_token * calls.output_tokens, 0
            )), 0
        ) as latency_s,
        ln(greatest(calls.output_tokens, 1)) as output_tokens,
        -- a price by hours or lengths moves by itself
        case when calls.model not in (
            select model from prices where above_tokens > 0 or hour_from is not null
        ) then ln(nullif(calls.cost_usd, 0)) - coalesce(
            ln(nullif(
                coalesce(usd_fixed, 0)
                + usd_per_prompt_token * calls.prompt_tokens + usd_per_output_token * calls.output_tokens, 0
            )),
            ln(nullif(calls.prompt_tokens + calls.output_tokens, 0)), 0
        ) end as cost_usd
    from (select * from drift_calls where ingestion > getvariable('drift_from')) as calls
    inner join drift_asked as asked using (model)
    inner join (select * from executions where ingestion > getvariable('drift_from')) as runs using (execution_id)
    where
        calls.ingestion > asked.after_ingestion
        and calls.ingestion <= asked.up_to
        and md5_number_upper(runs.execution_id) % asked.every = 0
)

from (unpivot figures on qoa, latency_s, output_tokens, cost_usd into name metric value x)
where isfinite(x);

-- How far those calls are from what is usual of their kind. Grain: one row per call × metric × topic (its own and *).
create or replace temp view drift_offsets as
select
    figures.model,
    unnest(list_distinct(['*', figures.topic])) as topic,
    figures.metric,
    started_at,
    question_key,
    figures.topic as own_topic,
    figures.task,
    figures.subplan_key,
    n_before as n_kind_before,
    usual,
    x - usual as off
from drift_figures as figures
inner join drift_usual as usual
    on usual.model = figures.model and usual.topic = figures.topic and usual.task = figures.task
    and usual.metric = figures.metric and usual.subplan_key is not distinct from figures.subplan_key;
