-- Topics with their words. Grain: one row per topic.
select topic, any_value(n_questions) as n_questions, list(word order by place) as words
from chart_topics
group by topic
order by topic
limit $rows
