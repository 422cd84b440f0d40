-- Open questions with one reference, short enough for an example; at most 500, always the same.
-- Grain: one row per question.
select
    question,
    any_value(reference) as reference
from executions
where kind = 'open' and trim(question) <> '' and trim(reference) <> '' and length(question) <= 600
group by question
having count(distinct reference) = 1
order by md5(question)
limit 500
