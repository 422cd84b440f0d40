-- Add the new observations of plans in a slice of days. Grain: topic × plan × task × served models × day.
-- A run observes its plan and, through each node's output, the sub-plan that ends there. A sub-plan that
-- occurs several times in one run counts once; an output from the cache is no new observation.
--
-- There are few plans and many observations: those name a plan by its number, and what answered for it (weights) only
-- where that is not the same in all new calls.
create or replace temp table numbered_plans as
select
    row_number() over (order by plan_key) as plan_number,
    plan_key,
    operations - 1 as sink,
    plans.models,
    coalesce(plan_served.names, []) as names,
    coalesce(plan_served.changed, false) as changed
from plans
left join plan_served using (plan_key);

-- Nodes whose sub-plan an earlier node has, too.
create or replace temp table repeated_nodes as
select plan_number, unnest(repeated_nodes) as node
from plans
inner join numbered_plans using (plan_key);

-- In a table that can be spilled: lists of all that was judged cannot, and a million executions had no room for them.
create or replace temp table told as
with

-- A text is asked of many plans, and digested once.
texts as (
    select question, key_of_question(question, null, null) as text_key
    from (select distinct question from sliced_executions)
    where trim(question) <> ''
),

runs as (
    select
        execution_id,
        topic,
        task,
        plan_number,
        sink,
        status = 'answered' as answered,
        coalesce(energy_source = 'measured', false) as measured,
        length(question) as question_chars,
        coalesce(text_key, key_of_question(question, question_id, execution_id)) as question_key,
        started_at,
        cost_usd, -- each metric
        predicted_cost_usd, -- each resource
        predicted_qoa
    from sliced_executions
    inner join numbered_plans using (plan_key)
    left join texts using (question)
),

-- Without a call on record for the last node the run is taken as it is.
wholes as (
    select
        runs.* exclude (sink),
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
        plans.plan_number,
        false as is_whole,
        calls.error is null as answered,
        runs.measured,
        runs.question_chars,
        runs.question_key,
        runs.started_at,
        calls.subplan_cost_usd as cost_usd, -- each metric
        calls.output_tokens
    from new_calls as calls
    inner join numbered_plans as plans on plans.plan_key = calls.subplan_key
    inner join runs using (execution_id)
    anti join repeated_nodes on repeated_nodes.plan_number = runs.plan_number and repeated_nodes.node = calls.node
    where plans.plan_number <> runs.plan_number and not calls.cached
),

observations as (
    select * from wholes
    union all by name
    select * from parts
)

-- Figures of failed runs are left out here, once.
select
    topic,
    plan_number,
    task,
    case
        when plans.changed then to_json(list_sort(list_concat(
            plans.names,
            list_filter(
                coalesce(changed_served.names, []),
                lambda s: len(list_filter(plans.models, lambda m: starts_with(s, m || '@'))) > 0
            )
        )))::varchar
    end as weights,
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
inner join numbered_plans as plans using (plan_number)
left join changed_served using (execution_id);

create or replace temp macro served_of(names, weights) as coalesce(from_json(weights, '["varchar"]'), names);

insert into plan_days by name
with

summed as (
    select
        topic,
        plan_number,
        task,
        weights,
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
    group by topic, plan_number, task, weights, day
)

select summed.* exclude (plan_number, weights), plan_key, served_of(names, weights) as served
from summed
inner join numbered_plans using (plan_number)
order by topic, plan_key, task, served, day;

-- What was judged, question by question. Grain: topic × task × plan × served models × question × day; like daily sums,
-- rows of one day add up.
insert into plan_questions by name
with

judged as (
    select
        topic,
        task,
        plan_number,
        weights,
        question_key,
        started_at::date as day,
        count(*) as n,
        sum(qoa) as total
    from told
    where qoa is not null
    group by topic, task, plan_number, weights, question_key, day
),

-- Sets of weights are few: the key of each is worked out once.
keys as (
    select plan_number, plan_key, weights, key_of_served(served_of(names, weights)) as served_key
    from (select distinct plan_number, weights from told)
    inner join numbered_plans using (plan_number)
)

select topic, task, plan_key, served_key, question_key, day, n, total
from judged
inner join keys on keys.plan_number = judged.plan_number and keys.weights is not distinct from judged.weights
order by topic, task, plan_key, served_key, question_key, day;

drop table told;
drop table numbered_plans;
drop table repeated_nodes;
