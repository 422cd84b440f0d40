-- What chemistry is computed from, kept from night to night: only new executions are read.

create table lone_answers (
    topic varchar not null,
    question_key ubigint not null,
    model varchar not null,
    served varchar,
    n bigint not null,
    total double not null
);
comment on table lone_answers is 'Judged answers of models without context, to at most 300 questions per topic, those with the smallest digests: one row per topic × question × model × weights that answered. Chemistry is computed from them.';
comment on column lone_answers.topic is 'Topic of the runs.';
comment on column lone_answers.question_key is 'Digest of the question, as in plan_questions.';
comment on column lone_answers.model is 'Model that answered.';
comment on column lone_answers.served is 'Weights that answered. NULL if no server said.';
comment on column lone_answers.n is 'Answers.';
comment on column lone_answers.total is 'Sum of their quality.';

create table lone_answers_basis (
    ingestion bigint not null
);
comment on table lone_answers_basis is 'Up to where executions are in lone_answers. One row, none before the first refresh.';
comment on column lone_answers_basis.ingestion is 'Number of the last file that was read (ingested_files).';
