-- What the looks of a question say of its costs: the calls of past questions with what they spent, and what was
-- learned of them.

alter table past_qualities add column log_cost_usd struct(n bigint, total double);
alter table past_qualities add column log_latency_s struct(n bigint, total double);
alter table past_qualities add column log_energy_j struct(n bigint, total double);
comment on column past_qualities.log_cost_usd is 'Calls whose cost is known, and the sum of its logarithms (USD). NULL: judged before this was kept.';
comment on column past_qualities.log_latency_s is 'The same of latency (s).';
comment on column past_qualities.log_energy_j is 'The same of energy (J).';

create table question_looks (
    task varchar not null,
    metric varchar not null,
    middle double[] not null,
    spread double[] not null,
    slopes double[] not null,
    "offset" double not null,
    explained double not null,
    n_questions bigint not null,
    primary key (task, metric)
);
comment on table question_looks is 'How much dearer, slower and hungrier questions are than their topics say, from how they look: a regression per task and metric, none where looks explain nothing.';
comment on column question_looks.task is 'open, or choice (one option or several).';
comment on column question_looks.metric is 'cost_usd, latency_s or energy_j.';
comment on column question_looks.middle is 'Means of the looks of past questions: logarithm of length, shares of digits, punctuation and capitals, options, code, lines, question marks, words.';
comment on column question_looks.spread is 'Their standard deviations, by which looks are scaled.';
comment on column question_looks.slopes is 'What a standard deviation of each adds to the logarithm of the factor.';
comment on column question_looks.offset is 'Added to the logarithm, so that the mean factor over past questions is 1.';
comment on column question_looks.explained is 'Share of the squared error of left-out questions that looks explained.';
comment on column question_looks.n_questions is 'Past questions that it was learned from.';
