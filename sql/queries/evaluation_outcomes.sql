-- What plans cost and yielded on single questions: answered and judged executions of one prompt set, and the parts
-- of plans that ended in a judged output of their own. Grain: one row per question × kind × plan, at most $questions
-- questions: those with several plans first, of these the ones with the smallest digests.
with

asked_executions as (
    select
        execution_id,
        coalesce(question, question_id) as asked,
        coalesce(kind, 'open') as kind,
        topic,
        topics,
        plan_key,
        answer,
        cost_usd, -- each metric
        started_at
    from executions
    where
        status = 'answered'
        and coalesce(question, question_id) is not null
        and coalesce(prompt, 'unrecorded') = $prompt
        and ($since is null or started_at >= $since)
        and ($until is null or started_at < $until)
        and ($run is null or starts_with(run_id, $run))
),

-- An execution observes its plan and, through its nodes' outputs, the sub-plans (as in merge/plan_days.sql).
observed as (
    select
        execution_id,
        asked,
        kind,
        plan_key,
        answer,
        cost_usd, -- each metric
    from asked_executions
    where qoa is not null
    union all
    select
        execution_id,
        asked,
        kind,
        calls.subplan_key,
        calls.output,
        calls.subplan_cost_usd, -- each resource
        calls.subplan_qoa
    from calls
    inner join asked_executions using (execution_id)
    inner join plans on plans.plan_key = asked_executions.plan_key
    where
        calls.subplan_key <> asked_executions.plan_key
        and calls.subplan_qoa is not null
        and calls.error is null
        and not coalesce(calls.cached, false)
        and not list_contains(plans.repeated_nodes, calls.node)
),

chosen as (
    select asked, kind
    from observed
    group by asked, kind
    order by count(distinct plan_key) > 1 desc, md5(asked), kind
    limit $questions
),

topics_of as (
    select asked, kind, arg_max((topic, topics), (started_at, execution_id)) as last_topics
    from asked_executions
    semi join chosen using (asked, kind)
    group by asked, kind
),

figures as (
    select
        asked,
        kind,
        plan_key,
        count(*) as n_executions,
        avg(cost_usd) as cost_usd, -- each resource
        avg(qoa) as qoa
    from observed
    semi join chosen using (asked, kind)
    group by asked, kind, plan_key
),

-- The answer that was given most often, of equals the first in the alphabet.
answers as (
    select asked, kind, plan_key, first(answer order by n desc, answer) as answer
    from (
        select asked, kind, plan_key, answer, count(*) as n
        from observed
        semi join chosen using (asked, kind)
        where answer is not null
        group by asked, kind, plan_key, answer
    )
    group by asked, kind, plan_key
),

nodes as (
    select
        asked,
        kind,
        plan_key,
        node,
        any_value(model) as model,
        avg(prompt_tokens) as prompt_tokens,
        avg(calls.cost_usd) as cost_usd, -- each resource
        avg(output_tokens) as output_tokens
    from calls
    inner join asked_executions using (execution_id)
    semi join chosen using (asked, kind)
    where calls.error is null
    group by asked, kind, plan_key, node
),

nested as (
    select
        asked,
        kind,
        plan_key,
        list({
            'node': node,
            'model': model,
            'prompt_tokens': prompt_tokens,
            'cost_usd': cost_usd, -- each resource
            'output_tokens': output_tokens
        } order by node) as calls
    from nodes
    group by asked, kind, plan_key
)

select
    left(md5(figures.asked || chr(10) || figures.kind), 12) as question_id,
    figures.asked as question,
    figures.kind,
    last_topics[1] as topic,
    last_topics[2] as topics,
    figures.plan_key,
    figures.n_executions,
    figures.cost_usd, -- each metric
    answers.answer,
    nested.calls
from figures
inner join topics_of using (asked, kind)
left join answers using (asked, kind, plan_key)
left join nested using (asked, kind, plan_key)
order by figures.asked, figures.kind, figures.plan_key
