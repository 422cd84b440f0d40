-- Which questions late scores judge. Grain: one row per topic × task × plan × served models × question.
insert into plan_questions by name
with

judged as (
    select distinct
        topic,
        task,
        plan_key,
        md5_number_lower(array_to_string(served, chr(31))) as served_key,
        md5_number_lower(coalesce(nullif(trim(question), ''), question_id, execution_id)) as question_key
    from rescored
    where new_qoa is not null
)

select topic, task, plan_key, served_key, question_key
from judged
anti join plan_questions using (question_key, plan_key, task, topic, served_key)
order by all;
