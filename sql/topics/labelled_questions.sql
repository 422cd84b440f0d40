-- Bring the sample of labelled questions up to date with the new executions. Grain: one row per question and topic.
-- About a thousand in all (embedding one takes 10 ms) and at most 200 per topic, those with the smallest digests,
-- so that a refresh stays short however much history there is and nearly the same ones are chosen each time.
create or replace temp table sampled_questions as
with

candidates as (
    select topic, question, digest from labelled_questions
    union
    select topic, question, md5(topic || chr(31) || question) as digest
    from (
        select distinct topic, question
        from executions
        where ingestion > getvariable('last_ingestion') and topic_given and topic <> '*'
    )
    where trim(question) <> ''
),

shares as (
    select least(200, greatest(20, 1000 // nullif(count(distinct topic), 0))) as per_topic from candidates
)

select candidates.*, old.vector, old.embedding
from candidates
left join labelled_questions as old using (topic, digest)
cross join shares
qualify row_number() over (partition by topic order by digest) <= per_topic;

delete from labelled_questions;
insert into labelled_questions by name select * from sampled_questions order by topic, digest;
