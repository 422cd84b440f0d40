-- Bring question_topics up to date with the executions that were not read yet. Grain: one row per question.
-- Whoever gave a question a topic is right, whenever that was: such a question is not here.
create or replace temp table new_unlabelled as
select
    md5_number_lower(trim(question)) as question_key,
    min(question) as question,
    max(ingestion) as ingestion
from executions
where ingestion > getvariable('topics_ingestion') and topic = '*' and trim(question) <> ''
group by question_key;

create or replace temp table labelled_texts as
select distinct md5_number_lower(trim(question)) as question_key
from (
    select distinct question
    from executions
    where
        topic <> '*'
        -- of what was read before, only what is asked now without a topic can matter
        and (
            ingestion > getvariable('topics_ingestion')
            or trim(question) in (select trim(question) from new_unlabelled)
        )
);

delete from question_topics where question_key in (select question_key from labelled_texts);

create or replace temp table merged_unlabelled as
select
    question_key,
    coalesce(old.question, new.question) as question,
    old.topic,
    old.source,
    old.similarity,
    coalesce(new.ingestion, old.ingestion) as ingestion,
    old.question_key is null as is_new
from question_topics as old
full join (from new_unlabelled anti join labelled_texts using (question_key)) as new using (question_key);

update question_topics_basis
set
    ingestion = coalesce((select max(ingestion) from ingested_files), 0),
    n_known = n_known + (select count(*) from merged_unlabelled where is_new);

delete from question_topics;
insert into question_topics by name
select * exclude (is_new) from merged_unlabelled
order by ingestion desc, question_key
limit getvariable('most_unlabelled');

drop table new_unlabelled;
drop table labelled_texts;
drop table merged_unlabelled;
