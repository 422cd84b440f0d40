-- Level tables take the place of views; they and the views are made by the refresh (warehouse/views.py).

drop view if exists level_0;
drop view if exists level_1;
drop view if exists level_2;
drop view if exists level_3;
drop view if exists level_4;

create table views_basis (
    digest varchar not null
);
comment on table views_basis is 'What views and level tables were made from: they are made anew when this changes. One row.';
comment on column views_basis.digest is 'Digest of their SQL and of the version of the tables.';
