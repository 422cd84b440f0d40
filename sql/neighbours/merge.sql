-- Add the new answers; the latest questions stay.

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
group by question_key, task, model, served;

create or replace temp table merged_questions as
with

told as (
    select
        question_key,
        task,
        coalesce(old.question, new.question) as question,
        coalesce(new.topics, old.topics) as topics,
        greatest(old.last_seen, new.last_seen) as last_seen,
        old.vector,
        old.embedding
    from past_questions as old
    full join new_questions as new using (question_key, task)
)

select * from told
order by last_seen desc, question_key, task
limit getvariable('most_past_questions');

delete from past_questions;
insert into past_questions by name select * from merged_questions order by question_key, task;
delete from past_qualities;
insert into past_qualities by name
select * from merged_qualities semi join merged_questions using (question_key, task)
order by question_key, task, model, served;
drop table merged_questions;
drop table merged_qualities;
