-- Points of the chart "quality against price". Grain: one row per topic × task × plan × metric that less is better of.
create or replace view chart_frontier as
with

known as (
    select * from plan_statistics where qoa is not null
),

-- A plan is beaten by one that is nowhere worse and somewhere better; a figure that nobody knows beats nothing.
beaten as (
    select distinct a.topic, a.task, a.plan_key
    from known as a
    inner join known as b
        on
            b.topic = a.topic and b.task = a.task and b.plan_key <> a.plan_key
            and b.qoa >= a.qoa
            and coalesce(b.cost_usd <= a.cost_usd, a.cost_usd is null) -- each resource
            and (
                b.qoa > a.qoa
                or coalesce(b.cost_usd < a.cost_usd, false) -- each resource
            )
),

figures as (
    select
        known.topic,
        known.task,
        known.plan_key,
        plans.expression as plan,
        known.level,
        known.qoa,
        known.n_observations,
        known.n_qoa,
        known.cost_usd, -- each resource
        beaten.plan_key is null as on_frontier
    from known
    inner join plans using (plan_key)
    left join beaten using (topic, task, plan_key)
)

unpivot figures on
    cost_usd, -- each resource
into name metric value value;
comment on view chart_frontier is 'Chart: quality against what every plan costs and takes, of those with statistics; one row per topic × task × plan × metric.';
comment on column chart_frontier.topic is 'Topic; * for all topics together.';
comment on column chart_frontier.task is 'open (facts), choice, number, long, code or json; * for published figures that do not say.';
comment on column chart_frontier.plan_key is 'Plan (plans).';
comment on column chart_frontier.plan is 'The plan as a person reads it.';
comment on column chart_frontier.level is 'Operator-nesting depth of the plan: 0 a single model.';
comment on column chart_frontier.qoa is 'Quality that planners use, 0 to 1.';
comment on column chart_frontier.n_observations is 'Answered runs of the plan.';
comment on column chart_frontier.n_qoa is 'Those of them that were judged.';
comment on column chart_frontier.on_frontier is 'True if no other plan with statistics for the topic and task is as good in everything and better in something.';
comment on column chart_frontier.metric is 'What value is: cost_usd or the name of another resource.';
comment on column chart_frontier.value is 'Mean of the metric; its unit is in the metric''s name.';
