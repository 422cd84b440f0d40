-- Are the better plans predicted to be better? Grain: one row per topic × task with three plans or more.
create or replace view rank_calibration as
with ranked as (
    select
        topic,
        task,
        n_executions,
        rank() over (partition by topic, task order by round(predicted_qoa, 9))
        + (count(*) over (partition by topic, task, round(predicted_qoa, 9)) - 1) / 2 as predicted_rank,
        rank() over (partition by topic, task order by observed_qoa)
        + (count(*) over (partition by topic, task, observed_qoa) - 1) / 2 as observed_rank
    from predicted_vs_observed
    where predicted_qoa is not null and observed_qoa is not null
)

select
    topic,
    task,
    count(*) as n_plans,
    sum(n_executions)::bigint as n_executions,
    nullif(corr(predicted_rank, observed_rank), 'nan'::double) as rank_correlation
from ranked
group by topic, task
having count(*) >= 3
order by topic, task;
comment on view rank_calibration is 'Per topic and task: the rank correlation of predicted with observed quality over plans that were run and judged.';
comment on column rank_calibration.topic is 'Topic of the questions; * for those without one.';
comment on column rank_calibration.task is 'open, or choice (one option or several).';
comment on column rank_calibration.n_plans is 'Plans that are ranked.';
comment on column rank_calibration.n_executions is 'Their executions.';
comment on column rank_calibration.rank_correlation is 'Spearman correlation, -1 to 1, ties at their mean rank. NULL where all are equal.';
