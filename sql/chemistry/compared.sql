-- The trials of every topic, and of all together, against those that its chemistry was computed from. Grain: one row per
-- topic with trials now or then, and *.
create or replace temp table graded as
with

hashed as (
    select topic, hash(topic, trial, model, quality, accuracy, source) as digest from trials
)

select topic, digest from hashed where topic <> '*'
union all
select '*', digest from hashed;

with

known as (
    select topic, unnest(trials) as digest from chemistry_basis
),

paired as (
    select
        coalesce(graded.topic, known.topic) as topic,
        graded.digest as now,
        known.digest as before
    from graded
    full join known on known.topic = graded.topic and known.digest = graded.digest
)

select
    topic,
    count(now) as n,
    greatest(count(*) filter (before is null), count(*) filter (now is null)) as n_changed,
    any_value(chemistry_basis.digest) as rule
from paired
left join chemistry_basis using (topic)
group by topic
order by topic;
