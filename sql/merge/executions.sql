-- Append the new executions. Grain: one row per execution.
insert into executions by name
select
    execution_id,
    run_id,
    question_id,
    question,
    coalesce(nullif(topic, ''), '*') as topic,
    topics,
    topic_given,
    kind,
    task_of(kind) as task,
    plan_key,
    plans.level,
    status,
    answer,
    error,
    figure(cost_usd) as cost_usd, -- each resource
    figure(wall_s) as wall_s,
    case when figure(energy_j) is not null then energy_source end as energy_source,
    -- A failed execution has no answer to judge: its quality is unknown, not 0.
    case when status = 'answered' then figure(qoa) end as qoa,
    case when status = 'answered' and figure(qoa) is not null then qoa_source end as qoa_source,
    figure(score_exact) as score_exact,
    figure(score_jaccard) as score_jaccard,
    figure(score_cosine) as score_cosine,
    figure(score_contained) as score_contained,
    figure(score_numeric) as score_numeric,
    figure(score_date) as score_date,
    reference,
    scores,
    case when status = 'answered' and figure(qoa) is not null then qoa_metric end as qoa_metric,
    judge,
    figure(agreement) as agreement,
    figure(predicted_cost_usd) as predicted_cost_usd, -- each metric
    figure(max_cost_usd) as max_cost_usd, -- each resource
    figure(min_qoa) as min_qoa,
    snapshot_id,
    prompt,
    started_at::timestamp as started_at,
    ingestion
from new_traces
inner join plans using (plan_key);
