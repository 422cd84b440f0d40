-- Statistics that should not be trusted yet. Grain: one row per topic × task × plan. The interval is Wilson's as in
-- best_model_per_topic: of one or two answers mean ± 1.96 standard errors reaches beyond 0 and 1.
create or replace view too_few_observations as
select
    topic,
    task,
    plan_key,
    level,
    n_observations,
    n_qoa,
    n_questions,
    qoa,
    1.96 * sqrt(coalesce(nullif(var_qoa, 0), qoa * (1 - qoa)) / nullif(n_questions, 0) + (1.96 / (2 * nullif(n_questions, 0))) ^ 2)
    / (1 + 1.96 ^ 2 / nullif(n_questions, 0)) as qoa_half_width,
    provenance
from plan_statistics
where topic <> '*' and n_questions < 30
order by n_questions, topic, task, plan_key;
comment on view too_few_observations is 'Plans judged on fewer than 30 distinct questions of a topic and task: their quality is uncertain by qoa_half_width or more.';
comment on column too_few_observations.topic is 'Topic of the questions.';
comment on column too_few_observations.task is 'open, or choice (one option or several).';
comment on column too_few_observations.plan_key is 'Plan (plans).';
comment on column too_few_observations.level is 'Operator-nesting depth of the plan: 0 a single model.';
comment on column too_few_observations.n_observations is 'Answered runs of the plan.';
comment on column too_few_observations.n_qoa is 'Those of them that were judged.';
comment on column too_few_observations.n_questions is 'Distinct questions behind them.';
comment on column too_few_observations.qoa is 'Quality that planners use, 0 to 1.';
comment on column too_few_observations.qoa_half_width is 'Half the width of the 95 % interval of the observed quality (Wilson). NULL without observations.';
comment on column too_few_observations.provenance is 'One line that says on what the row stands.';
