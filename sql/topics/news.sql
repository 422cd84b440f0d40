-- Whether topics are to be learned again, by a model of $kind: none was; the share $share of the labelled questions
-- differs from those that were known when it was; a topic has fewer than $enough vectors while questions wait for theirs
-- since then; or the vectors are of another embedding. Grain: one row.
with

before as (
    select questions, coalesce(sample, questions) as sample
    from topic_models
    where coalesce(kind, 'centroid') = $kind
),

known as (
    select unnest(sample) as digest from before
),

per_topic as (
    select
        count(*) as n,
        count(known.digest) as n_known,
        count(*) filter (list_contains(questions, digest)) as n_learned,
        count(*) filter (embedding = $embedding) as n_vectors
    from labelled_questions
    left join known using (digest)
    left join before on true
    group by topic
)

select
    not exists (from before)
    or sum(n) + (select count(*) from known) - 2 * sum(n_known) > $share * sum(n)
    or bool_or(n_learned < $enough and n_known > n_learned)
    or (sum(n_vectors) = 0 and $kind = 'centroid')
from per_topic;
