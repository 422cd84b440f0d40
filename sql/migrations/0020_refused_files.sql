-- Files that could not be merged are on record with their reason, and may be tried again.

alter table ingested_files add column refused_because varchar;
comment on column ingested_files.refused_because is 'Why the whole file was set aside; NULL: it was merged.';
comment on column ingested_files.n_rows is 'Rows taken; 0 of a file that was set aside.';
comment on column ingested_files.n_quarantined is 'Rows set aside at the merge: all rows of a file that was set aside whole, NULL if nobody could count them.';
alter table ingested_files alter column n_quarantined drop not null;
comment on table ingested_files is 'One row per landed file: merged, so that each is merged once, or set aside with the reason.';
