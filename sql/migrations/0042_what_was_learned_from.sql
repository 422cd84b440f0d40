-- The topic model says which questions were known when it was learned: those that waited for a vector then are no news.

alter table topic_models add column sample varchar[];
comment on column topic_models.questions is 'Digests of the questions it was learned from.';
comment on column topic_models.sample is 'Digests of the labelled questions that were known then; the model is fitted again when a quarter of them differs. NULL: as questions.';

-- Chemistry is computed again where a twentieth of its trials differs. What was computed before is computed once more.
alter table chemistry_basis add column trials ubigint[];
comment on column chemistry_basis.trials is 'Digests of the trials that it was computed from; it is computed again where a twentieth of them differs.';
comment on column chemistry_basis.digest is 'Digest of the rule that it was computed by.';
