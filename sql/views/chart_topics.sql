-- Words of the list "topics". Grain: one row per topic × word.
create or replace view chart_topics as
select topic, n_questions, generate_subscripts(words, 1) as place, unnest(words) as word
from topics
order by topic, place;
comment on view chart_topics is 'List: the words that tell each topic apart; one row per topic × word, place 1 the most telling.';
comment on column chart_topics.topic is 'Topic.';
comment on column chart_topics.n_questions is 'Distinct questions that the topic was learned from.';
comment on column chart_topics.place is 'Place of the word in the list, from 1.';
comment on column chart_topics.word is 'A word that tells the topic apart.';
