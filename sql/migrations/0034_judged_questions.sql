-- A question counts once in the quality of a plan, by the mean of its answers: they are summed question by question,
-- anew from what was executed.

drop table plan_questions;
create table plan_questions (
    topic varchar not null,
    task varchar not null,
    plan_key varchar not null,
    served_key ubigint not null,
    question_key ubigint not null,
    day date,
    n bigint not null,
    total double not null
);
comment on table plan_questions is 'Judged answers of a plan, whole or as a part, question by question: one or more rows per topic × task × plan × served models × question × day, which add up.';
comment on column plan_questions.topic is 'Topic of the question.';
comment on column plan_questions.task is 'open, or choice (one option or several).';
comment on column plan_questions.plan_key is 'Plan, whole or as a part of a larger one (plans).';
comment on column plan_questions.served_key is 'Digest of what answered for the models of the plan, as in plan_days.served.';
comment on column plan_questions.question_key is 'Digest of the question: its text, else its id, else that of the execution.';
comment on column plan_questions.day is 'Day (UTC) of the answers; NULL where their time is not known.';
comment on column plan_questions.n is 'Judged answers; below 0 where a late score takes one away.';
comment on column plan_questions.total is 'Sum of their quality.';

insert into plan_questions
with

runs as (
    select
        execution_id,
        topic,
        case when kind in ('choice', 'multi') then 'choice' else 'open' end as task,
        plan_key,
        plans.operations - 1 as sink,
        plans.repeated_nodes,
        case when status = 'answered' then qoa end as qoa,
        started_at::date as day,
        md5_number_lower(coalesce(nullif(trim(question), ''), question_id, execution_id)) as question_key
    from executions
    inner join plans using (plan_key)
),

served as (
    select
        execution_id,
        list(distinct model || '@' || coalesce(digest, answered_model)) as names
    from calls
    where coalesce(digest, answered_model) is not null
    group by execution_id
),

judged as (
    select runs.execution_id, topic, task, plan_key, question_key, day, runs.qoa
    from runs
    left join (select execution_id, node as sink, cached from calls) as calls using (execution_id, sink)
    where not coalesce(calls.cached, false) and runs.qoa is not null
    union all
    select calls.execution_id, runs.topic, runs.task, calls.subplan_key, runs.question_key, runs.day, calls.subplan_qoa
    from calls
    inner join runs using (execution_id)
    where
        calls.subplan_key <> runs.plan_key
        and not calls.cached
        and calls.error is null
        and calls.subplan_qoa is not null
        and not list_contains(runs.repeated_nodes, calls.node)
),

keyed as (
    select
        judged.topic,
        judged.task,
        judged.plan_key,
        md5_number_lower(array_to_string(list_sort(list_filter(
            coalesce(names, []),
            lambda s: len(list_filter(plans.models, lambda m: starts_with(s, m || '@'))) > 0
        )), chr(31))) as served_key,
        judged.question_key,
        judged.day,
        judged.qoa
    from judged
    inner join plans using (plan_key)
    left join served using (execution_id)
)

select topic, task, plan_key, served_key, question_key, day, count(*), sum(qoa)
from keyed
group by topic, task, plan_key, served_key, question_key, day
order by all;
