-- The labelled questions that topics are learned from: those with a vector, and at most $most (NULL: any number) of the others, which need
-- 10 ms of CPU each; the rest waits for later nights. Every topic gets one before any gets two. Grain: one row per
-- question and topic.
with

ranked as (
    select
        question,
        topic,
        digest,
        embedding is not distinct from $embedding as has_vector,
        row_number() over (partition by topic order by digest) as place
    from labelled_questions
)

select question, topic, digest
from ranked
qualify has_vector or $most is null or row_number() over (partition by has_vector order by place, topic) <= $most
order by topic, digest;
