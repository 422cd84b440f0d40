-- Plans of the landed executions and of their parts that PerfDB does not know. Grain: one row per plan_key.
with

keys as (
    select plan_key from judged_traces
    union
    select unnest(subplan_keys) from judged_traces
)

select plan_key from keys
anti join plans using (plan_key)
where plan_key is not null and plan_key <> ''
order by plan_key;
