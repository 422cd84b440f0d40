-- Add the new observations of plans in a slice of days. Grain: topic × plan × task × served models × day.
-- A run observes its plan and, through each node's output, the sub-plan that ends there. A sub-plan that
-- occurs several times in one run counts once; an output from the cache is no new observation.
-- In a table that can be spilled: lists of all that was judged cannot, and a million executions had no room for them.
create or replace temp table told as
with

runs as (
    select
        execution_id,
        topic,
        task,
        plan_key,
        plans.operations - 1 as sink,
        plans.repeated_nodes,
        status = 'answered' as answered,
        coalesce(energy_source = 'measured', false) as measured,
        length(question) as question_chars,
        key_of_question(question, question_id, execution_id) as question_key,
        started_at,
        cost_usd, -- each metric
        predicted_cost_usd, -- each resource
        predicted_qoa
    from sliced_executions
    inner join plans using (plan_key)
),

-- Without a call on record for the last node the run is taken as it is.
wholes as (
    select
        runs.* exclude (sink, repeated_nodes),
        true as is_whole,
        calls.output_tokens
    from runs
    left join (select execution_id, node as sink, output_tokens, cached from new_calls) as calls
        using (execution_id, sink)
    where not coalesce(calls.cached, false)
),

parts as (
    select
        execution_id,
        runs.topic,
        runs.task,
        calls.subplan_key as plan_key,
        false as is_whole,
        calls.error is null as answered,
        runs.measured,
        runs.question_chars,
        runs.question_key,
        runs.started_at,
        calls.subplan_cost_usd as cost_usd, -- each metric
        calls.output_tokens
    from new_calls as calls
    inner join runs using (execution_id)
    where
        calls.subplan_key <> runs.plan_key
        and not calls.cached
        and not list_contains(runs.repeated_nodes, calls.node)
),

observations as (
    select * from wholes
    union all by name
    select * from parts
)

-- Figures of failed runs are left out here, once.
select
    topic,
    plan_key,
    task,
    case
        when plan_served.changed then list_sort(list_concat(
            coalesce(plan_served.names, []),
            list_filter(
                coalesce(changed_served.names, []),
                lambda s: len(list_filter(plans.models, lambda m: starts_with(s, m || '@'))) > 0
            )
        ))
        else coalesce(plan_served.names, [])
    end as served,
    started_at,
    is_whole,
    answered,
    question_key,
    answered and measured and energy_j is not null as measured,
    case when answered then cost_usd end as cost_usd, -- each metric
    case when answered then output_tokens::double end as output_tokens,
    case when answered then question_chars::double end as question_chars,
    case when answered then predicted_cost_usd end as predicted_cost_usd, -- each resource
    case when answered then predicted_qoa end as predicted_qoa
from observations
inner join plans using (plan_key)
left join plan_served using (plan_key)
left join changed_served using (execution_id);

insert into plan_days by name
select
    topic,
    plan_key,
    task,
    served,
    started_at::date as day,
    count(*) filter (answered and is_whole) as n_executions,
    count(*) filter (answered and not is_whole) as n_subplans,
    count(*) filter (not answered) as n_failed,
    count(*) filter (measured) as n_energy_measured,
    moments(cost_usd) as cost_usd, -- each metric
    moments(output_tokens) as output_tokens,
    moments(question_chars) as question_chars,
    moments(predicted_cost_usd) as predicted_cost_usd, -- each metric
    min(started_at) as first_seen,
    max(started_at) as last_seen
from told
group by topic, plan_key, task, served, day
order by topic, plan_key, task, served, day;

-- What was judged, question by question. Grain: topic × task × plan × served models × question × day; like daily sums,
-- rows of one day add up.
insert into plan_questions by name
with

judged as (
    select
        topic,
        task,
        plan_key,
        served,
        question_key,
        started_at::date as day,
        count(*) as n,
        sum(qoa) as total
    from told
    where qoa is not null
    group by topic, task, plan_key, served, question_key, day
),

-- Sets of weights are few: the key of each is worked out once.
keys as (
    select served, key_of_served(served) as served_key from (select distinct served from told)
)

select topic, task, plan_key, served_key, question_key, day, n, total
from judged
inner join keys using (served)
order by topic, task, plan_key, served_key, question_key, day;

drop table told;
