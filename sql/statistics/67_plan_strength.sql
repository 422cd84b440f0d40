-- On how many observations the start of a composed plan counts: as in 50_prior_strengths, with topic × task ×
-- plan as groups. Grain: one row.
insert into prior_strengths by name
with

groups as (
    select
        observed.independent_qoa.n as weight,
        mean_of(observed.independent_qoa) - starts.start as off,
        observed.independent_qoa.squares - observed.independent_qoa.total ^ 2 / observed.independent_qoa.n as scatter
    from observed_plans as observed
    inner join plan_starts as starts
        on starts.topic = observed.topic and starts.task = observed.task and starts.plan_key = observed.plan_key
    where starts.composed and starts.topic <> '*' and observed.independent_qoa.n > 0 and starts.start is not null
),

estimated as (
    select
        count(*) as n_groups,
        sum(greatest(scatter, 0)) / nullif(sum(weight) - count(*), 0) as within,
        (sum(weight * off * off) - count(*) * within) / sum(weight) as between
    from groups
)

select
    'plan' as scope,
    'qoa' as metric,
    strength_of(n_groups, within, between) as strength,
    basis_of(n_groups, within) as basis,
    n_groups
from estimated;
