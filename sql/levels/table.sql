-- Statistics of plans by depth of nesting (Opti-Q, section 3.2), for people. Grain: one row per topic × task × plan.
-- Stands for every level: level_0 is each name in turn. A row's other figures are in level_0_detail.
create or replace table level_0 (
    topic varchar not null,
    task varchar not null,
    plan varchar not null,
    n_observations bigint not null,
    n_questions bigint not null,
    qoa double,
    qoa_basis varchar,
    cost_usd double, -- each resource
    plan_key varchar not null,
    provenance varchar not null
);
comment on column level_0.topic is 'Topic; * for all topics together.';
comment on column level_0.task is 'Task of the questions: open (facts), choice, number, long, code or json; * for a published figure that does not say.';
comment on column level_0.plan is 'The plan as a person reads it, such as blend(a → b, c; d).';
comment on column level_0.n_observations is 'Answered runs, whole or as a part of a larger plan, of the models that are served now.';
comment on column level_0.n_questions is 'Distinct questions on which it was judged.';
comment on column level_0.qoa is 'Quality that planners use, 0 to 1: judged answers drawn to the prior. A single model that was not judged here keeps its prior; qoa_basis says which it is.';
comment on column level_0.qoa_basis is 'What qoa stands on: judged (answers to these questions, and the prior), prior (a published figure; nothing was judged) or other questions (nothing was judged here; what the model does elsewhere). NULL if qoa is.';
comment on column level_0.cost_usd is 'Mean cost of a run, observed and published; the unit is in the name. NULL if it is not known.'; -- each resource
comment on column level_0.plan_key is 'Plan (plans).';
comment on column level_0.provenance is 'One line that says on what the row stands.';

create or replace table level_0_detail as
select * exclude (
    cost_usd, -- each resource
    plan, n_observations, n_questions, qoa, provenance
)
from plan_statistics
limit 0;
