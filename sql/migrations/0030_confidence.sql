-- How sure one can be of an answer: what is seen of it, and how often such answers were right.

alter table calls add column logprob_mean double;
alter table calls add column logprob_least double;
comment on column calls.logprob_mean is 'Mean log probability (natural) of the tokens of the output. NULL: the server gives none.';
comment on column calls.logprob_least is 'The least of them.';
alter table executions add column agreement double;
comment on column executions.agreement is 'Share of the other nodes of the plan whose own answer is the same, 0 to 1. NULL: there is no other.';

create table confidence_blocks (
    model varchar not null,
    task varchar not null,
    signal varchar not null,
    least double not null,
    n bigint not null,
    probability double not null,
    low double not null,
    high double not null,
    n_judged bigint not null,
    told_apart double not null,
    primary key (model, task, signal, least)
);
comment on table confidence_blocks is 'How often answers were right by what is seen of them (isotonic regression at the refresh). None below 50 judged answers.';
comment on column confidence_blocks.model is 'The model of the last node; * for agreement.';
comment on column confidence_blocks.task is 'open, choice, or the form of long answers.';
comment on column confidence_blocks.signal is 'logprob_mean, logprob_least or agreement.';
comment on column confidence_blocks.least is 'The block goes from here to the next; the lowest block takes what is lower.';
comment on column confidence_blocks.n is 'Judged answers in the block.';
comment on column confidence_blocks.probability is 'That an answer in the block is right (quality at least one half).';
comment on column confidence_blocks.low is 'Lower bound of the 90 % interval (Jeffreys).';
comment on column confidence_blocks.high is 'Upper bound of it.';
comment on column confidence_blocks.n_judged is 'Judged answers behind all blocks of the signal.';
comment on column confidence_blocks.told_apart is 'Area under the ROC curve of the signal: one half says nothing, 1 everything.';
