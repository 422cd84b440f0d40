-- The new executions in slices of days, each of about as many as the variable slice_executions says: what is summed up
-- per day is summed up slice by slice, so that memory holds one. Grain: one row per slice.
create or replace temp table day_slices as
with

days as (
    select day_of_run(started_at) as day, count(*) as n from new_executions group by day
),

placed as (
    select day, (sum(n) over (order by day) - n) // getvariable('slice_executions') as place from days
)

select row_number() over (order by place) as slice, min(day) as first_day, max(day) as last_day
from placed
group by place;

-- The executions of the slice that the variable slice names.
create or replace temp view sliced_executions as
select new_executions.*
from new_executions
inner join day_slices
    on day_of_run(new_executions.started_at) between day_slices.first_day and day_slices.last_day
where day_slices.slice = getvariable('slice');
