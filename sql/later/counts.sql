-- What the later files brought. Grain: one row.
select
    (select count(*) from after.executions semi join later_files using (ingestion)),
    (select count(*) from after.priors semi join later_files using (ingestion))
    + (select count(*) from after.published_statistics semi join later_files using (ingestion)),
    count(*),
    min(ingested_at)
from later_files;
