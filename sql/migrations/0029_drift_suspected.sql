-- A model that drifted is compared with what it did since; a suspicion is looked at again on the next nights.

alter table drift_watch add column from_ingestion bigint default 0;
comment on column drift_watch.from_ingestion is 'Calls after this ingestion are what new ones are compared with: the model drifted then. 0: all of them.';
comment on column drift.verdict is 'drifted (so that a night on which nothing changed names a model once in 2,000 nights, and large enough to matter), suspected (false discovery rate 1 %; looked at again with the next calls) or stable.';
comment on column drift.p_value is 'Two-sided probability of so large a z without drift; by Student''s distribution where few days tell how much days differ.';
