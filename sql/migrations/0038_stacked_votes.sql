-- What past questions say is heard in several views of likeness, in learned shares, and put right by what came of it.

drop table neighbour_votes;
drop table neighbour_strengths;
create table neighbour_strengths (
    embedding varchar not null,
    difficulty struct(penalty double, share double)[] not null,
    preference struct(penalty double, share double)[] not null,
    explained double not null,
    n_questions bigint not null,
    n_answers bigint not null,
    models varchar[] not null,
    centre double[] not null,
    middle double[] not null,
    spread double[] not null,
    rarity blob not null,
    expected double[] not null,
    observed double[] not null,
    differences double
);
comment on table neighbour_strengths is 'How much past questions are heard, tuned by leaving each of them out: one row, none where there are too few questions.';
comment on column neighbour_strengths.embedding is 'What made the vectors that it was tuned on.';
comment on column neighbour_strengths.difficulty is 'With which penalty, and in what share, it is learned how easy questions are: by their relatives, distant ones included, then by their looks alone. Empty: nothing is said of it.';
comment on column neighbour_strengths.preference is 'The same for which model does better than the others on a question: by close relatives, then by looks alone.';
comment on column neighbour_strengths.explained is 'Share of the squared error of left-out questions that was explained.';
comment on column neighbour_strengths.n_questions is 'Judged past questions when it was tuned.';
comment on column neighbour_strengths.n_answers is 'Judged answers to them then. It is learned again when one in twenty is new.';
comment on column neighbour_strengths.models is 'The models that something was learned of, in the order of neighbour_votes.weights.';
comment on column neighbour_strengths.centre is 'Mean word vector of past questions, which is taken off all.';
comment on column neighbour_strengths.middle is 'Mean looks of past questions (length, digits and the like).';
comment on column neighbour_strengths.spread is 'Their standard deviations, in which looks are measured.';
comment on column neighbour_strengths.rarity is 'Weight of each word piece in a word vector, as half-precision numbers: the rarer among past questions the more.';
comment on column neighbour_strengths.expected is 'Mean quality of models that would have been promised on left-out questions, ascending: means of steps. Empty: it is taken as it is.';
comment on column neighbour_strengths.observed is 'What came of it, per step: promises are put right by lines between the steps.';
comment on column neighbour_strengths.differences is 'What a promised difference of a model from the mean on a question comes to, over p (1 - p) of that mean. NULL: nothing is put right.';

create table neighbour_votes (
    place bigint not null primary key,
    question_key ubigint not null,
    task varchar not null,
    topics struct(topic varchar, weight double)[] not null,
    vector blob not null,
    weights double[][] not null
);
comment on table neighbour_votes is 'The past questions that speak for all, a sample where there are many: what each says of a question like it is its weight times how alike they are. One row per question × task.';
comment on column neighbour_votes.place is 'Their order.';
comment on column neighbour_votes.question_key is 'Question (past_questions).';
comment on column neighbour_votes.task is 'Task of the question.';
comment on column neighbour_votes.topics is 'Its topics with their weights.';
comment on column neighbour_votes.vector is 'What can be seen of its text (past_questions.vector) when it was learned.';
comment on column neighbour_votes.weights is 'Per view (close relatives, distant ones included, looks alone) the weight for how easy a question is, then for each of neighbour_strengths.models how much better than the others it does.';
-- It is learned at the next refresh that brings answers.
