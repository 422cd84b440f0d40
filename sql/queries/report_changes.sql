-- Questions that two runs answered with the largest change in quality. Grain: one row per question.
with

before as (
    select question, any_value(reference) as reference, avg(qoa) as qoa, any_value(answer) as answer
    from executions where run_id = $before and status = 'answered' group by question
),

after as (
    select question, any_value(reference) as reference, avg(qoa) as qoa, any_value(answer) as answer
    from executions where run_id = $after and status = 'answered' group by question
)

select
    question,
    coalesce(after.reference, before.reference) as reference,
    before.answer as answer_before,
    after.answer as answer_after,
    before.qoa as qoa_before,
    after.qoa as qoa_after
from before
inner join after using (question)
where before.qoa <> after.qoa
order by abs(after.qoa - before.qoa) desc, question
limit $rows
