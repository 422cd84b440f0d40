-- What late scores change (temp table rescored). Grain: one row per execution × plan that it observes.
-- An execution observes its plan and, through its nodes' outputs, the sub-plans, as in plan_days.sql; the rows name
-- the daily sum that each observation is in, with the quality that it had and the one that it gets.

create or replace temp table rescored as
with

runs as (
    select
        execution_id,
        topic,
        task,
        plan_key,
        plans.operations - 1 as sink,
        plans.repeated_nodes,
        status,
        question,
        question_id,
        started_at::date as day,
        executions.qoa as old_qoa,
        new_scores.qoa as new_qoa
    from executions
    inner join new_scores using (execution_id)
    inner join plans using (plan_key)
),

served as (
    select execution_id, list(distinct model || '@' || coalesce(digest, answered_model)) as names
    from calls
    semi join new_scores using (execution_id)
    where coalesce(digest, answered_model) is not null
    group by execution_id
),

nodes as (
    select execution_id, unnest(nodes, recursive := true) from new_scores
),

observed as (
    select execution_id, runs.plan_key, runs.old_qoa, runs.new_qoa
    from runs
    left join (select execution_id, node as sink, cached from calls) as calls using (execution_id, sink)
    where runs.status = 'answered' and not coalesce(calls.cached, false)
    union all
    select calls.execution_id, calls.subplan_key, calls.subplan_qoa, nodes.qoa
    from calls
    inner join nodes using (execution_id, node)
    inner join runs using (execution_id)
    where
        calls.subplan_key <> runs.plan_key
        and not calls.cached
        and calls.error is null
        and not list_contains(runs.repeated_nodes, calls.node)
)

select
    execution_id,
    runs.topic,
    runs.task,
    observed.plan_key,
    list_sort(list_filter(
        coalesce(served.names, []),
        lambda s: len(list_filter(plans.models, lambda m: starts_with(s, m || '@'))) > 0
    )) as served,
    runs.day,
    runs.question,
    runs.question_id,
    observed.old_qoa,
    observed.new_qoa
from observed
inner join runs using (execution_id)
inner join plans on plans.plan_key = observed.plan_key
left join served using (execution_id)
where observed.new_qoa is distinct from observed.old_qoa;
