-- Add the new answers; the latest questions stay. Only what has new answers is written: vectors are long.

-- Grain: one row per question with new answers; one that is not among the latest of these is not among the latest.
create or replace temp table merged_questions as
select
    question_key,
    task,
    coalesce(old.question, new.question) as question,
    coalesce(new.topics, old.topics) as topics,
    greatest(old.last_seen, new.last_seen) as last_seen,
    old.vector,
    old.embedding,
    old.question_key is not null and old.topics is not distinct from coalesce(new.topics, old.topics) as is_known
from new_questions as new
left join past_questions as old using (question_key, task)
order by last_seen desc, question_key, task
limit getvariable('most_past_questions');

delete from past_questions
using merged_questions as new
where past_questions.question_key = new.question_key and past_questions.task = new.task and not new.is_known;

insert into past_questions by name
select * exclude (is_known) from merged_questions where not is_known order by question_key, task;

update past_questions
set last_seen = new.last_seen
from merged_questions as new
where past_questions.question_key = new.question_key and past_questions.task = new.task and new.is_known;

create or replace temp table dropped_questions as
select question_key, task
from past_questions
order by last_seen desc, question_key, task
offset getvariable('most_past_questions');

delete from past_questions
using dropped_questions as old
where past_questions.question_key = old.question_key and past_questions.task = old.task;

create or replace temp table merged_qualities as
select
    question_key,
    task,
    model,
    served,
    sum(n)::bigint as n,
    sum(total) as total,
    {'n': sum(log_cost_usd.n)::bigint, 'total': sum(log_cost_usd.total)} as log_cost_usd, -- each resource
from (
    from past_qualities
    union all by name
    from new_answers
)
semi join merged_questions using (question_key, task)
anti join dropped_questions using (question_key, task)
group by question_key, task, model, served;

delete from past_qualities
using (from merged_questions select question_key, task union from dropped_questions) as old
where past_qualities.question_key = old.question_key and past_qualities.task = old.task;

insert into past_qualities by name
from merged_qualities order by question_key, task, model, served;

drop table merged_questions;
drop table dropped_questions;
drop table merged_qualities;
