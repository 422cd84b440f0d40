-- Where answers are wrong or limits broken more often than elsewhere. Grain: one row per topic of questions without one.
create or replace view misses_by_found_topic as
with

seen as (
    select
        about.topic,
        about.source,
        case
            when executions.status = 'failed' then true
            when executions.qoa is not null then executions.qoa < 0.5
        end as missed,
        list_max([
            cost_usd > max_cost_usd, -- each resource
            qoa < min_qoa
        ]) as broken
    from executions
    inner join question_topics as about on about.question_key = md5_number_lower(trim(executions.question))
    where executions.topic = '*' and about.topic is not null
),

of_topics as (
    select
        topic,
        any_value(source) as source,
        count(*) as n_executions,
        count(missed) as n_judged,
        count(*) filter (missed) as n_missed,
        count(broken) as n_limited,
        count(*) filter (broken) as n_broken
    from seen
    group by topic
),

of_all as (
    select sum(n_judged) as n_judged, sum(n_missed) as n_missed, sum(n_limited) as n_limited, sum(n_broken) as n_broken
    from of_topics
)

select
    topic,
    source,
    n_executions,
    of_topics.n_judged,
    of_topics.n_missed / nullif(of_topics.n_judged, 0) as missed,
    (of_all.n_missed - of_topics.n_missed) / nullif(of_all.n_judged - of_topics.n_judged, 0) as missed_elsewhere,
    of_topics.n_limited,
    of_topics.n_broken / nullif(of_topics.n_limited, 0) as broken,
    (of_all.n_broken - of_topics.n_broken) / nullif(of_all.n_limited - of_topics.n_limited, 0) as broken_elsewhere
from of_topics, of_all
order by of_topics.n_missed - of_topics.n_judged * of_all.n_missed / nullif(of_all.n_judged, 0) desc nulls last, topic;
comment on view misses_by_found_topic is 'Answers to questions that came without a topic, by what those are about (question_topics): the topic with the most misses beyond its share first; one row per topic.';
comment on column misses_by_found_topic.topic is 'Topic that was found or is shipped; * for questions far from all.';
comment on column misses_by_found_topic.source is 'found or shipped.';
comment on column misses_by_found_topic.n_executions is 'Executions.';
comment on column misses_by_found_topic.n_judged is 'Executions that failed or whose quality is known.';
comment on column misses_by_found_topic.missed is 'Share of those that failed or have a quality below 0.5. NULL: none was judged.';
comment on column misses_by_found_topic.missed_elsewhere is 'The same share on all other topics.';
comment on column misses_by_found_topic.n_limited is 'Executions with a limit whose figure is known.';
comment on column misses_by_found_topic.broken is 'Share of those that broke a limit. NULL: none had one.';
comment on column misses_by_found_topic.broken_elsewhere is 'The same share on all other topics.';
