-- What past questions say of new ones: the latest judged questions, and how well each model alone did on them.

create table past_questions (
    question_key ubigint not null,
    task varchar not null,
    question varchar not null,
    topics struct(topic varchar, weight double)[] not null,
    last_seen timestamp not null,
    vector blob,
    embedding varchar,
    primary key (question_key, task)
);
comment on table past_questions is 'The latest questions that a model alone was judged on, at most 10,000: one row per question × task. Plans for new questions ask those most like them.';
comment on column past_questions.question_key is 'Digest of the text, as in plan_questions.';
comment on column past_questions.task is 'open, or choice (one option or several).';
comment on column past_questions.question is 'Text of the question.';
comment on column past_questions.topics is 'Its topics with their weights, as of the latest run.';
comment on column past_questions.last_seen is 'Latest judged run (UTC).';
comment on column past_questions.vector is 'What can be seen of the text, as half-precision numbers: word vector, then length, digits and the like.';
comment on column past_questions.embedding is 'What made the vector. Vectors of another name are made anew.';

create table past_qualities (
    question_key ubigint not null,
    task varchar not null,
    model varchar not null,
    served varchar,
    n bigint not null,
    total double not null
);
comment on table past_qualities is 'How well models alone did on past questions: one row per question × task × model × weights that answered.';
comment on column past_qualities.question_key is 'Question (past_questions).';
comment on column past_qualities.task is 'Task of the question.';
comment on column past_qualities.model is 'Model.';
comment on column past_qualities.served is 'What answered: digest, or the name that the server answered with. NULL if no server said.';
comment on column past_qualities.n is 'Judged answers.';
comment on column past_qualities.total is 'Sum of their quality.';

create table neighbour_strengths (
    embedding varchar not null,
    n_neighbours bigint not null,
    difficulty double,
    preference double,
    explained double not null,
    n_questions bigint not null,
    n_answers bigint not null
);
comment on table neighbour_strengths is 'How much neighbours are heard, tuned by leaving past questions out: one row, none where there are too few questions.';
comment on column neighbour_strengths.embedding is 'What made the vectors that it was tuned on.';
comment on column neighbour_strengths.n_neighbours is 'So many of the most alike questions are asked.';
comment on column neighbour_strengths.difficulty is 'Votes of "as easy as others" that theirs are weighed against. NULL: they are not heard on this.';
comment on column neighbour_strengths.preference is 'Votes of "this model is as usual" that theirs are weighed against. NULL: they are not heard on this.';
comment on column neighbour_strengths.explained is 'Share of the squared error of left-out questions that neighbours explained.';
comment on column neighbour_strengths.n_questions is 'Past questions when it was tuned.';
comment on column neighbour_strengths.n_answers is 'Judged answers to them then. It is tuned again when one in twenty is new.';

create table past_questions_basis (
    ingestion bigint not null
);
comment on table past_questions_basis is 'Up to where executions are in past_questions. One row.';
comment on column past_questions_basis.ingestion is 'Number of the last file that was read (ingested_files).';
insert into past_questions_basis values (0);
