-- Put newly computed chemistry in place of the old, for the topics in the variable changed_topics.
delete from model_quality where topic in (select unnest(getvariable('changed_topics')));
insert into model_quality by name select * from new_model_quality order by topic, model;
delete from chemistry where topic in (select unnest(getvariable('changed_topics')));
insert into chemistry by name select * from new_chemistry order by topic, model_a, model_b;
delete from ensembles where topic in (select unnest(getvariable('changed_topics')));
insert into ensembles by name select * from new_ensembles order by topic, strategy, size;
delete from chemistry_basis where topic in (select unnest(getvariable('changed_topics')));
insert into chemistry_basis by name
select topic, getvariable('chemistry_rule') as digest, list(digest order by digest) as trials
from graded
where topic in (select unnest(getvariable('changed_topics')))
group by topic
order by topic;
