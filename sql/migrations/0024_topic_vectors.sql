-- Learning topics again embeds only the questions that are new to the sample: a vector takes a model 10 ms.

alter table labelled_questions add column vector blob;
comment on column labelled_questions.vector is 'Sentence embedding of the question, single-precision numbers. NULL: not made yet.';
alter table labelled_questions add column embedding varchar;
comment on column labelled_questions.embedding is 'What made the vector. Vectors of another name are made anew.';
