-- What late scores add to the judged answers of questions and take from them, in the rows' way (plan_days.sql).
-- Grain: topic × task × plan × served models × question × day.
insert into plan_questions by name
select
    topic,
    task,
    plan_key,
    key_of_served(served) as served_key,
    key_of_question(question, question_id, execution_id) as question_key,
    day,
    count(new_qoa) - count(old_qoa) as n,
    coalesce(sum(new_qoa), 0.0) - coalesce(sum(old_qoa), 0.0) as total
from rescored
group by topic, task, plan_key, served_key, question_key, day
order by all;
