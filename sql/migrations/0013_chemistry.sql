-- Which models belong together: trials of models, their profiles, the chemistry of pairs, recommended ensembles.

create table model_trials (
    trial varchar not null,
    topic varchar not null,
    task varchar not null,
    model varchar not null,
    quality double,
    generation_accuracy double,
    review_accuracy double,
    accuracy double,
    n bigint not null,
    run_id varchar,
    source varchar not null,
    file_id varchar not null,
    ingestion bigint not null
);
comment on table model_trials is 'What trials said of models: one row per trial × model × file, from reviews (optiq review) and performance histories. Trials that follow from traces with references are not repeated here.';
comment on column model_trials.trial is 'Trial: what the models were tried on together, such as a question of a run. Models are compared within trials.';
comment on column model_trials.topic is 'Topic of the trial; * if it has none.';
comment on column model_trials.task is 'open or choice; * where the source does not say.';
comment on column model_trials.model is 'Model that was tried.';
comment on column model_trials.quality is 'Consensus grade of its outputs, 0 to 10. NULL if nobody graded them.';
comment on column model_trials.generation_accuracy is 'Share of its outputs that were right by a reference, 0 to 1. NULL without a reference.';
comment on column model_trials.review_accuracy is 'How near its grades were to the consensus of the others, 0 to 1. NULL where that cannot be told.';
comment on column model_trials.accuracy is 'Generation and review accuracy combined (75 % and 25 %; without a reference 75 % of the review accuracy), 0 to 1. NULL if neither is known.';
comment on column model_trials.n is 'Outputs of the model in the trial.';
comment on column model_trials.run_id is 'Run that made the trial; its traces are not counted a second time. NULL for histories.';
comment on column model_trials.source is 'Where the trial comes from: a review, or the name of a history file.';
comment on column model_trials.file_id is 'File that brought the row (ingested_files).';
comment on column model_trials.ingestion is 'Number of the file that brought the row (ingested_files).';

create table model_quality (
    topic varchar not null,
    model varchar not null,
    quality double not null,
    accuracy double not null,
    n_trials bigint not null,
    source varchar not null,
    primary key (topic, model)
);
comment on table model_quality is 'Profiles of models as chemistry sees them: one row per topic × model, means over trials. At most 16 models per topic, those with most trials.';
comment on column model_quality.topic is 'Topic; * for all topics together.';
comment on column model_quality.model is 'Model.';
comment on column model_quality.quality is 'Mean quality of its outputs, 0 to 10: the consensus grade, or 10 × QoA where there is a reference.';
comment on column model_quality.accuracy is 'Mean accuracy, 0 to 1.';
comment on column model_quality.n_trials is 'Trials behind the means: questions, or trials of a history.';
comment on column model_quality.source is 'Where the trials come from: traces, reviews, histories.';

create table chemistry (
    topic varchar not null,
    model_a varchar not null,
    model_b varchar not null,
    chemistry double not null,
    low double not null,
    high double not null,
    noise double not null,
    certain boolean not null,
    n_trials bigint not null,
    primary key (topic, model_a, model_b)
);
comment on table chemistry is 'Chemistry of pairs (LLM Chemistry, equation 2): how much what one model adds depends on the other''s presence. One row per topic × pair, model_a before model_b.';
comment on column chemistry.topic is 'Topic; * for all topics together.';
comment on column chemistry.model_a is 'First model of the pair, by name.';
comment on column chemistry.model_b is 'Second model of the pair.';
comment on column chemistry.chemistry is 'Chemistry over mean profiles; 0: the pair does not interact.';
comment on column chemistry.low is 'Lower end of the 95 % interval, trials drawn again.';
comment on column chemistry.high is 'Upper end of the 95 % interval.';
comment on column chemistry.noise is 'What the same trials give, 95 times of 100, if all models had the same true profile.';
comment on column chemistry.certain is 'Whether low is above noise. If not, noise alone may explain the figure.';
comment on column chemistry.n_trials is 'Trials of the topic.';

create table ensembles (
    topic varchar not null,
    strategy varchar not null,
    size integer not null,
    models varchar[] not null,
    loss double,
    chemistry double not null,
    complementarity double not null,
    reason varchar not null,
    primary key (topic, strategy, size)
);
comment on table ensembles is 'Ensembles to plan over: one row per topic × strategy × size, up to 10 models. A strategy that finds none has no row.';
comment on column ensembles.topic is 'Topic; * for all topics together.';
comment on column ensembles.strategy is 'chemistry (LLM Chemistry, algorithm 2) or best (the most accurate models).';
comment on column ensembles.size is 'Number of models.';
comment on column ensembles.models is 'The models, sorted by name.';
comment on column ensembles.loss is 'Chemistry left unused, and size (equation 3): smaller is better.';
comment on column ensembles.chemistry is 'Sum of the chemistry of the pairs within.';
comment on column ensembles.complementarity is 'Complementarity index of the members, half hypervolume and half quadratic entropy (section 5).';
comment on column ensembles.reason is 'How it was found.';

create table chemistry_basis (
    digest varchar not null
);
comment on table chemistry_basis is 'What chemistry was computed from: it is computed again when this changes. One row.';
comment on column chemistry_basis.digest is 'Digest of the trials.';

comment on column ingested_files.kind is 'priors, statistics, traces, scores, trials or rejects.';
comment on column quarantine.kind is 'What the row should have been: priors, statistics, traces, scores or trials.';
