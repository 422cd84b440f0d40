-- Whether chemistry may differ from what is on record: something was merged that has trials, or nothing is on record.
select
    not exists (select 1 from chemistry_basis)
    or not exists (select 1 from lone_answers_basis)
    or exists (
        select 1
        from ingested_files
        where ingestion > getvariable('last_ingestion') and kind in ('traces', 'scores', 'trials')
    );
