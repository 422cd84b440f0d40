-- The topic model says which questions were known when it was learned: those that waited for a vector then are no news.

alter table topic_models add column sample varchar[];
comment on column topic_models.questions is 'Digests of the questions it was learned from.';
comment on column topic_models.sample is 'Digests of the labelled questions that were known then; the model is fitted again when a quarter of them differs. NULL: as questions.';
