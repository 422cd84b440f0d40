-- Landed executions whose plan, or the plan of one of whose calls, is none (temp table bad_plans).
insert into trace_rejects
select file_number, file_row_number, min(bad_plans.reason)
from (
    select file_number, file_row_number, plan_key from judged_traces
    union all
    select file_number, file_row_number, unnest(subplan_keys) from judged_traces
)
inner join bad_plans using (plan_key)
anti join trace_rejects using (file_number, file_row_number)
group by file_number, file_row_number;
