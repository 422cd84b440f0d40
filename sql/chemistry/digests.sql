-- What tells the trials of a topic, and of all together, from others. Grain: one row per topic with trials, and *.
with

hashed as (
    select topic, hash(topic, trial, model, quality, accuracy, source)::hugeint as h from trials
)

select topic, count(*) || ' ' || bit_xor(h) || ' ' || sum(h % 1000000007) as told
from hashed
where topic <> '*'
group by topic
union all
select '*', count(*) || ' ' || bit_xor(h) || ' ' || sum(h % 1000000007)
from hashed
having count(*) > 0
order by topic;
