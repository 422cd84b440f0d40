-- The best plan that is known for each question, beside the one that was run on it: what another plan was seen to
-- yield on this very question, where one was tried, else what the best measured plan yields on its topic, if that
-- is better than what ran.
-- Frames `asked` (execution_id, question, topic, task, plan_key). Grain: one row per execution.
with

tried as (
    select
        question,
        plan_key,
        avg(qoa) as qoa,
        avg(cost_usd) as cost_usd
    from executions
    semi join asked using (question)
    where status = 'answered' and qoa is not null
    group by question, plan_key
),

here as (
    select
        asked.execution_id,
        tried.plan_key,
        tried.qoa,
        row_number() over (
            partition by asked.execution_id order by tried.qoa desc, tried.cost_usd nulls last, tried.plan_key
        ) as place
    from asked
    inner join tried on tried.question = asked.question and tried.plan_key <> asked.plan_key
),

measured as (
    select
        topic,
        task,
        plan_key,
        qoa,
        row_number() over (partition by topic, task order by qoa desc, cost_usd nulls last, plan_key) as place
    from plan_statistics
    where n_qoa > 0
)

select
    asked.execution_id,
    coalesce(plans_here.expression, plans_there.expression) as best_plan,
    coalesce(here.qoa, measured.qoa) as best_qoa,
    case when here.qoa is not null then 'question' when measured.qoa is not null then 'topic' end as best_from
from asked
left join here on here.execution_id = asked.execution_id and here.place = 1
left join measured as own
    on own.topic = asked.topic and own.task = asked.task and own.plan_key = asked.plan_key
left join measured
    on measured.topic = asked.topic and measured.task = asked.task and measured.place = 1
    and measured.plan_key <> asked.plan_key and measured.qoa > coalesce(own.qoa, 0.0)
left join plans as plans_here on plans_here.plan_key = here.plan_key
left join plans as plans_there on plans_there.plan_key = measured.plan_key
order by asked.execution_id
