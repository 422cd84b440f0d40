-- The rows that this refresh adds, and what answered in them.

create or replace temp view new_executions as
select * from executions where ingestion > getvariable('last_ingestion');

-- The day of a run by which it is sliced; who told no moment is of the first.
create or replace temp macro day_of_run(started_at) as coalesce(started_at::date, '-infinity'::date);

-- What answered: digest, or the name that the server answered with.
create or replace temp view new_calls as
select *, coalesce(digest, answered_model) as served from calls where ingestion > getvariable('last_ingestion');

-- Most models are served by one set of weights in all new calls. Grain: one row per model.
create or replace temp table new_served as
select model, min(served) as served, count(distinct served) > 1 as changed
from new_calls
where served is not null
group by model;

-- The others need a look at each execution. Grain: one row per execution that called one of them.
create or replace temp table changed_served as
select execution_id, list_sort(list(distinct model || '@' || served)) as names
from new_calls
where served is not null and model in (select model from new_served where changed)
group by execution_id;

-- What answered for the models of a plan. Grain: one row per plan.
create or replace temp table plan_served as
with

plan_models as (
    select plan_key, unnest(models) as model from plans
)

select
    plan_key,
    list(model || '@' || served order by model) filter (not changed) as names,
    bool_or(changed) as changed
from plan_models
inner join new_served using (model)
group by plan_key;
