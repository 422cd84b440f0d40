-- Statistics of plans. Grain: one row per topic × task × plan, topic * for all topics together.
delete from plan_statistics;

insert into plan_statistics by name
with

together as (
    select
        starts.topic,
        starts.task,
        starts.plan_key,
        plans.level,
        plans.plan,
        coalesce(observed.n_executions + observed.n_subplans, 0) as n_observations,
        coalesce(n_failed, 0) as n_failed,
        coalesce(starts.start_strength, strengths.strength) as worth,
        -- Published means of a plan weigh as much as the strength of a prior, at most as their own observations.
        least(coalesce(published.n_observations, 0), strengths.strength) as weight,
        shrunk(published.cost_usd, weight, mean_of(observed.cost_usd), observed.cost_usd.n) as cost_usd, -- each resource
        case
            when published.qoa is not null or observed.qoa.n > 0
                then shrunk(
                    starts.start, worth, mean_of(observed.independent_qoa), observed.independent_qoa.n
                )
        end as qoa,
        shrunk(published.output_tokens, weight, mean_of(observed.output_tokens), observed.output_tokens.n)
            as output_tokens,
        variance_of(observed.cost_usd) as var_cost_usd, -- each metric
        variance_of(observed.output_tokens) as var_output_tokens,
        variance_of(observed.question_chars) as var_question_chars,
        coalesce(observed.n_cost_usd, 0) as n_cost_usd, -- each metric
        coalesce(observed.n_output_tokens, 0) as n_output_tokens,
        mean_of(observed.independent_qoa) as observed_qoa,
        starts.start as prior_qoa,
        case when starts.start is not null then worth end as prior_strength,
        mean_of(observed.predicted_cost_usd) as predicted_cost_usd, -- each metric
        coalesce(mean_of(observed.question_chars), published.mean_question_chars) as mean_question_chars,
        coalesce(n_executions, 0) as n_executions,
        coalesce(n_subplans, 0) as n_subplans,
        coalesce(n_energy_measured, 0) as n_energy_measured,
        observed.first_seen,
        observed.last_seen,
        coalesce(published.n_observations, 0) as n_published,
        published.source as published_source,
        coalesce(observed.independent_qoa.n, 0) as weight_qoa,
        coalesce(observed.n_questions, 0) as n_questions,
        told(
            observed.n_qoa, observed.n_questions, case when starts.start is not null then starts.source end, worth
        ) as told_qoa
    from plan_starts as starts
    inner join plans using (plan_key)
    left join observed_plans as observed
        on observed.topic = starts.topic and observed.task = starts.task and observed.plan_key = starts.plan_key
    left join prior_strengths as strengths
        on strengths.metric = 'qoa' and strengths.scope = case when starts.composed then 'plan' else 'topic' end
)

select
    * exclude (told_qoa, worth, weight, published_source),
    case
        when n_observations = 0 and n_published > 0 then 'prior: ' || published_source || ', n=' || n_published
        when n_observations = 0 then 'failed n=' || n_failed
        when n_qoa = 0 and qoa is null then 'observed n=' || n_observations || ', quality unknown'
        when n_qoa < n_observations then 'observed n=' || n_observations || ', quality ' || told_qoa
        else told_qoa
    end as provenance
from together
order by topic, task, plan_key;

-- Published qualities of single models that nothing else was said about.
insert into plan_statistics by name
select
    published.topic,
    published.task,
    plans.plan_key,
    plans.level,
    plans.plan,
    0 as n_observations,
    0 as n_failed,
    published.value as qoa,
    0 as n_cost_usd, -- each metric
    0 as n_output_tokens,
    published.value as prior_qoa,
    0 as n_executions,
    0 as n_subplans,
    0 as n_energy_measured,
    0 as n_published,
    'prior: ' || published.source as provenance
from published_figures as published
inner join plans on plans.plan_key = single(published.model)
where published.metric = 'qoa'
and not exists (
    select 1 from plan_statistics as known
    where known.topic = published.topic and known.task = published.task and known.plan_key = plans.plan_key
)
order by published.topic, published.task, plans.plan_key;
