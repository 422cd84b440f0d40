-- The best plan that is known for each question, beside the one that was run on it: what another plan was seen to
-- yield on this very question, where one was tried, else what the best measured plan yields on its topic, if that
-- is better than what ran. Only plans count whose models could all have been asked, and of those known from the topic
-- alone only such whose models did not fail on this very question.
-- Frames `asked` (execution_id, question, topic, task, plan_key), `able` (model). Grain: one row per execution.
with

-- The models of the run, and those that its servers were ever asked for.
served as materialized (
    select model from able
    union
    select distinct calls.model
    from calls
    where coalesce(calls.server, '') in (
        select coalesce(own.server, '') from calls as own semi join asked using (execution_id)
    )
),

possible as materialized (
    select plan_key, models, expression
    from plans
    -- a variant of a model (name+variant) is asked where the model is
    where not exists (
        from (select unnest(models) as model) as of_plan
        where
            of_plan.model not in (select model from served)
            and regexp_replace(of_plan.model, '\+[^+]*$', '') not in (select model from served)
    )
),

-- What failed on a question, whatever came later: models alone, and plans (of several models nobody needs to know which
-- one it was). Grain: one row per question.
failed as materialized (
    select
        executions.question,
        coalesce(list(distinct plans.models[1] order by plans.models[1]) filter (len(plans.models) = 1), []) as of_models,
        list(distinct plans.plan_key order by plans.plan_key) as of_plans
    from executions
    inner join plans using (plan_key)
    semi join asked on asked.question = executions.question
    where executions.status = 'failed'
    group by executions.question
),

tried as (
    select
        question,
        plan_key,
        avg(qoa) as qoa,
        avg(cost_usd) as cost_usd
    from executions
    semi join asked using (question)
    semi join possible using (plan_key)
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
    select topic, task, plan_key, qoa, cost_usd
    from plan_statistics
    where n_qoa > 0
),

ranked as materialized (
    select
        *,
        row_number() over (partition by topic, task order by qoa desc, cost_usd nulls last, plan_key) as place
    from measured
    inner join possible using (plan_key)
),

-- Questions on which the same failed share their best plan: there are few of such kinds.
doubted as materialized (
    select asked.execution_id, asked.topic, asked.task, failed.of_models, failed.of_plans
    from asked
    inner join failed using (question)
),

left_over as materialized (
    select kinds.topic, kinds.task, kinds.of_models, kinds.of_plans, ranked.plan_key, ranked.qoa
    from (select distinct topic, task, of_models, of_plans from doubted) as kinds
    inner join ranked on ranked.topic = kinds.topic and ranked.task = kinds.task
    where not list_has_any(ranked.models, kinds.of_models) and not list_contains(kinds.of_plans, ranked.plan_key)
    qualify row_number() over (
        partition by kinds.topic, kinds.task, kinds.of_models, kinds.of_plans order by ranked.place
    ) = 1
),

there as (
    select asked.execution_id, ranked.plan_key, ranked.qoa
    from asked
    anti join failed using (question)
    inner join ranked on ranked.topic = asked.topic and ranked.task = asked.task and ranked.place = 1
    union all
    select doubted.execution_id, left_over.plan_key, left_over.qoa
    from doubted
    inner join left_over using (topic, task, of_models, of_plans)
)

select
    asked.execution_id,
    coalesce(plans_here.expression, plans_there.expression) as best_plan,
    coalesce(here.qoa, there.qoa) as best_qoa,
    case when here.qoa is not null then 'question' when there.qoa is not null then 'topic' end as best_from
from asked
left join here on here.execution_id = asked.execution_id and here.place = 1
left join measured as own
    on own.topic = asked.topic and own.task = asked.task and own.plan_key = asked.plan_key
left join there
    on there.execution_id = asked.execution_id
    and there.plan_key <> asked.plan_key and there.qoa > coalesce(own.qoa, 0.0)
left join plans as plans_here on plans_here.plan_key = here.plan_key
left join plans as plans_there on plans_there.plan_key = there.plan_key
order by asked.execution_id
