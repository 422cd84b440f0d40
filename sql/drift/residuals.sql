-- What new calls differ by from the earlier ones of their kind (temp table drift_residuals).
-- Grain: one row per call × metric × scope (topic, and * for all topics).
--
-- Calls are of one kind if they answer questions of one topic and task at the end of one sub-plan: so neither other
-- questions nor other plans look like drift. Quality is that of the model alone, for a worse predecessor must not be
-- laid to the model that reads it. Latency and cost are divided by what the tokens explain. All but quality are
-- logarithms, so that a change is a factor.
create or replace temp table drift_calls as
with

rates as (
    select
        model,
        max(value) filter (metric = 'seconds_per_prompt_token') as prompt_s,
        max(value) filter (metric = 'seconds_per_output_token') as output_s,
        max(value) filter (metric = 'usd_per_prompt_token') as prompt_usd,
        max(value) filter (metric = 'usd_per_output_token') as output_usd
    from model_figures
    where topic = '*' and task = '*'
    group by model
),

-- A night with millions of calls is judged by a sample of them, the same whenever it is tried, and so are the many
-- before it.
watched as (
    select
        *,
        greatest(1, n_after // 20000)::ubigint as every,
        greatest(1, n_before // 10000)::ubigint as every_before
    from drift_models
)

select
    calls.model,
    runs.topic,
    task_of(runs.kind) as task,
    calls.subplan_key,
    calls.ingestion > watched.ingestion as is_new,
    coalesce(calls.started_at, runs.started_at) as started_at,
    key_of_question(runs.question, runs.question_id, runs.execution_id) as question_key,
    case when calls.subplan_key = single(calls.model) then calls.subplan_qoa end as qoa,
    ln(nullif(calls.latency_s, 0)) - coalesce(ln(nullif(
        rates.prompt_s * calls.prompt_tokens + rates.output_s * calls.output_tokens, 0
    )), 0) as latency_s,
    ln(greatest(calls.output_tokens, 1)) as output_tokens,
    -- a price by hours or lengths moves by itself
    case when calls.model not in (
        select model from prices where above_tokens > 0 or hour_from is not null
    ) then ln(nullif(calls.cost_usd, 0)) - coalesce(
        ln(nullif(rates.prompt_usd * calls.prompt_tokens + rates.output_usd * calls.output_tokens, 0)),
        ln(nullif(calls.prompt_tokens + calls.output_tokens, 0)), 0
    ) end as cost_usd
-- a variable, unlike a column of another table, lets DuckDB leave out what is older
from (select * from calls where ingestion > getvariable('drift_from')) as calls
inner join watched using (model)
inner join (select * from executions where ingestion > getvariable('drift_from')) as runs using (execution_id)
left join rates using (model)
cross join drift_window
where
    calls.ingestion > least(drift_window.first_ingestion, watched.ingestion)
    and calls.ingestion > coalesce(watched.from_ingestion, 0)
    and not coalesce(calls.cached, false)
    and calls.error is null
    and (watched.served is null or coalesce(told_weights(calls.model, calls.digest, calls.answered_model), watched.served) = watched.served)
    and md5_number_upper(runs.execution_id)
        % case when calls.ingestion > watched.ingestion then watched.every else watched.every_before end = 0;

create or replace temp table drift_residuals as
with

-- Of a scope with fewer new calls nothing is compared.
scopes as (
    select model, unnest(list_distinct(['*', topic])) as topic from drift_calls where is_new
),

wanted as (
    select model, topic from scopes group by model, topic having count(*) >= 50
),

figures as (
    unpivot drift_calls on qoa, latency_s, output_tokens, cost_usd into name metric value x
),

kinds as (
    select
        model, topic, task, subplan_key, metric,
        count(*) filter (not is_new) as n_kind_before,
        case
            when metric = 'qoa' then avg(x) filter (not is_new)
            else median(x) filter (not is_new)
        end as usual
    from figures
    group by model, topic, task, subplan_key, metric
    having n_kind_before >= 3
),

off as (
    select
        figures.model, unnest(list_distinct(['*', figures.topic])) as topic, figures.metric, is_new, started_at, question_key,
        usual, x - usual as off, n_kind_before
    from figures
    inner join kinds
        on figures.model = kinds.model and figures.topic = kinds.topic and figures.task = kinds.task
        and figures.metric = kinds.metric and figures.subplan_key is not distinct from kinds.subplan_key
    where isfinite(x)
)

from off
semi join wanted using (model, topic);
