-- What past questions say is learned at a refresh and published, not counted anew by every plan.

drop table neighbour_strengths;
create table neighbour_strengths (
    embedding varchar not null,
    difficulty double,
    preference double,
    explained double not null,
    n_questions bigint not null,
    n_answers bigint not null,
    models varchar[] not null,
    centre double[] not null,
    middle double[] not null,
    spread double[] not null,
    rarity blob not null
);
comment on table neighbour_strengths is 'How much past questions are heard, tuned by leaving them out: one row, none where there are too few questions.';
comment on column neighbour_strengths.embedding is 'What made the vectors that it was tuned on.';
comment on column neighbour_strengths.difficulty is 'Penalty with which it is learned how easy questions are. NULL: nothing is said of it.';
comment on column neighbour_strengths.preference is 'Penalty with which it is learned which model does better than the others on a question. NULL: nothing is said of it.';
comment on column neighbour_strengths.explained is 'Share of the squared error of left-out questions that was explained.';
comment on column neighbour_strengths.n_questions is 'Judged past questions when it was tuned.';
comment on column neighbour_strengths.n_answers is 'Judged answers to them then. It is learned again when one in twenty is new.';
comment on column neighbour_strengths.models is 'The models that something was learned of, in the order of neighbour_votes.weights.';
comment on column neighbour_strengths.centre is 'Mean word vector of past questions, which is taken off all.';
comment on column neighbour_strengths.middle is 'Mean looks of past questions (length, digits and the like).';
comment on column neighbour_strengths.spread is 'Their standard deviations, in which looks are measured.';
comment on column neighbour_strengths.rarity is 'Weight of each word piece in a word vector, as half-precision numbers: the rarer among past questions the more.';

create table neighbour_votes (
    place bigint not null primary key,
    question_key ubigint not null,
    task varchar not null,
    topics struct(topic varchar, weight double)[] not null,
    vector blob not null,
    weights double[] not null
);
comment on table neighbour_votes is 'The past questions that speak for all, a sample where there are many: what each says of a question like it is its weight times how alike they are. One row per question × task.';
comment on column neighbour_votes.place is 'Their order.';
comment on column neighbour_votes.question_key is 'Question (past_questions).';
comment on column neighbour_votes.task is 'Task of the question.';
comment on column neighbour_votes.topics is 'Its topics with their weights.';
comment on column neighbour_votes.vector is 'What can be seen of its text (past_questions.vector) when it was learned.';
comment on column neighbour_votes.weights is 'Weight for how easy a question is, then for each of neighbour_strengths.models how much better than the others it does.';
-- Vectors are made anew with it.
update past_questions set vector = null, embedding = null;
