-- Topics of questions that came without one: found at refreshes, or of the shipped general topics. They are for reading
-- and reports; statistics are not kept by them.

create table question_topics (
    question_key ubigint primary key,
    question varchar not null,
    topic varchar,
    source varchar,
    similarity double,
    ingestion bigint not null
);
comment on table question_topics is 'What questions that came without a topic are about, the latest 20,000 of them: one row per question. A question that a person gave a topic, or that is like those, is not here.';
comment on column question_topics.question_key is 'Digest of the text, as in past_questions.';
comment on column question_topics.question is 'Text of the question.';
comment on column question_topics.topic is 'Topic that was found (found_topics) or that is shipped; * for a question that is far from all. NULL: nobody could look.';
comment on column question_topics.source is 'found or shipped. NULL: nobody could look.';
comment on column question_topics.similarity is 'Found topics: cosine to the nearest centroid. Shipped ones: share of the words'' votes that the topic has.';
comment on column question_topics.ingestion is 'File that brought it last (ingested_files).';

create table found_topics (
    topic varchar primary key,
    words varchar[] not null,
    n_questions bigint not null,
    born bigint not null,
    last_found bigint not null,
    is_current boolean not null
);
comment on table found_topics is 'Topics that were found in questions without a topic: one row per topic, those that are gone included. A topic keeps its name as long as it is found again.';
comment on column found_topics.topic is 'Name of the topic: the words that told it apart when it was born.';
comment on column found_topics.words is 'Words that tell it apart as of when it was last found, the most telling first (class-based tf-idf).';
comment on column found_topics.n_questions is 'Questions of the sample that were of it when it was last found.';
comment on column found_topics.born is 'Ingestion up to which questions were known when it was first found (ingested_files).';
comment on column found_topics.last_found is 'The same when it was last found.';
comment on column found_topics.is_current is 'Whether questions are assigned to it now.';

create table found_topic_changes (
    ingestion bigint not null,
    kind varchar not null,
    topic varchar not null,
    other varchar,
    similarity double,
    n_shared bigint not null,
    changed_at timestamp not null
);
comment on table found_topic_changes is 'What became of topics whenever they were found again: one row per topic that changed.';
comment on column found_topic_changes.ingestion is 'Ingestion up to which questions were known then (ingested_files).';
comment on column found_topic_changes.kind is 'born; split: most of its questions had been of other; merged: most of its questions are of other now; gone.';
comment on column found_topic_changes.topic is 'Topic (found_topics).';
comment on column found_topic_changes.other is 'Topic that it was split from or merged into. NULL for what was born or is gone.';
comment on column found_topic_changes.similarity is 'Cosine of the two centroids.';
comment on column found_topic_changes.n_shared is 'Questions of the sample that are of both.';
comment on column found_topic_changes.changed_at is 'When (UTC).';

create table found_topic_models (
    embedding varchar not null,
    n_questions bigint not null,
    n_known bigint not null,
    model blob not null
);
comment on table found_topic_models is 'What assigns questions to found topics: one row, none before topics were found.';
comment on column found_topic_models.embedding is 'What made the vectors.';
comment on column found_topic_models.n_questions is 'Questions of the sample that topics were found in.';
comment on column found_topic_models.n_known is 'Questions without a topic that had come until then, those that are kept no more included: they are found again when a quarter more have come.';
comment on column found_topic_models.model is 'Names, centroids, words and weights of word pieces as a NumPy archive without pickles.';

create table question_topics_basis (
    ingestion bigint not null,
    n_known bigint not null
);
comment on table question_topics_basis is 'Up to where executions are in question_topics. One row.';
comment on column question_topics_basis.ingestion is 'Number of the last file that was read (ingested_files).';
comment on column question_topics_basis.n_known is 'Questions without a topic that have come until then.';
insert into question_topics_basis values (0, 0);
