-- Chemistry is computed again for those topics alone whose trials changed.

delete from chemistry_basis;
alter table chemistry_basis add column topic varchar;
comment on table chemistry_basis is 'What chemistry was computed from, by topic: it is computed again where this changes.';
comment on column chemistry_basis.topic is 'Topic; * for all topics together.';
