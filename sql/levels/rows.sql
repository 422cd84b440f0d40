-- What the level tables are filled with. Grain: one row per topic × task × plan.
-- A single model that was never judged on the questions of a row keeps what planners take for its quality there: the
-- figure for topic and task, else for the topic, else for the task, else for anything.
create or replace temp table level_rows as
with

figures as (
    select model, topic, task, value, n_observations, provenance from model_figures where metric = 'qoa'
),

unjudged as (
    select
        statistics.topic,
        statistics.task,
        statistics.plan_key,
        arg_max(
            figures,
            2 * (figures.topic = statistics.topic)::integer + (figures.task = statistics.task)::integer
        ) as figure
    from plan_statistics as statistics
    inner join figures
        on statistics.plan_key = single(figures.model)
        and figures.topic in (statistics.topic, '*')
        and figures.task in (statistics.task, '*')
    where statistics.qoa is null
    group by statistics.topic, statistics.task, statistics.plan_key
)

select
    statistics.* replace (
        plans.expression as plan,
        coalesce(statistics.qoa, figure.value) as qoa,
        coalesce(statistics.n_questions, 0) as n_questions,
        case
            when figure is null then statistics.provenance
            else replace(statistics.provenance, ', quality unknown', '') || ', none judged; quality '
                || case when figure.n_observations > 0 then 'on other questions: ' else '' end || figure.provenance
        end as provenance
    ),
    case
        when statistics.qoa is null then
            case when figure.n_observations > 0 then 'other questions' when figure is not null then 'prior' end
        when statistics.n_qoa > 0 then 'judged'
        else 'prior'
    end as qoa_basis
from plan_statistics as statistics
inner join plans using (plan_key)
left join unjudged using (topic, task, plan_key)
order by n_observations desc, topic, task, plan_key;
