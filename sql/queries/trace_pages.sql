-- Where pages of $page executions begin, in the order in which `traces.sql` has them.
-- Grain: one row per page.
with

placed as (
    select ingestion, execution_id, row_number() over (order by ingestion, execution_id) as place
    from executions
)

select ingestion, execution_id
from placed
where (place - 1) % $page = 0
order by place
