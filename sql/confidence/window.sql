-- The answers that are looked at: those of about the last 100,000 executions, however much history there is. A variable,
-- unlike a column of another table, lets DuckDB leave out what is older.
set variable confidence_from = (
    select coalesce(max(ingestion) filter (n_later >= 100000), 0)
    from (
        select
            ingestion,
            sum(n_rows) over (order by ingestion desc rows between unbounded preceding and 1 preceding) as n_later
        from ingested_files
        where kind = 'traces'
    )
);
