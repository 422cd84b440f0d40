-- The task (open, choice) enters the grain of statistics: choice results pull open ones down otherwise.
-- Daily sums have it already; the statistics are computed again from them by the refresh that migrates.

alter table published_statistics add column task varchar default '*';
comment on column published_statistics.task is 'Task that it holds for: open, choice, or * where the source does not say.';
update published_statistics set task = topic, topic = '*' where topic in ('open', 'choice');
comment on table published_statistics is 'Someone''s measured means of plans: one row per topic × task × plan × source, every one ever ingested. The latest as_of counts, then the latest ingestion.';

create table new_model_figures (
    model varchar not null,
    topic varchar not null,
    task varchar not null,
    metric varchar not null,
    value double not null,
    n_observations bigint not null,
    observed_value double,
    prior_value double,
    prior_strength double,
    prior_source varchar,
    provenance varchar not null,
    weight double default 0,
    n_questions bigint,
    primary key (model, topic, task, metric)
);
insert into new_model_figures by name
select
    * exclude (topic),
    case when topic in ('open', 'choice') then '*' else topic end as topic,
    case when topic in ('open', 'choice') then topic else '*' end as task
from model_figures;
drop table model_figures;
alter table new_model_figures rename to model_figures;
comment on table model_figures is 'What a planner knows of single models: one row per model × topic × task × metric, from priors and observations.';
comment on column model_figures.model is 'Model.';
comment on column model_figures.topic is 'Topic; * for any topic.';
comment on column model_figures.task is 'Task that the figure holds for: open, choice, or * for any (published figures that do not say).';
comment on column model_figures.metric is 'Metric; the unit is in the name.';
comment on column model_figures.value is 'The figure that planners use: (strength × prior + weight × observed) / (strength + weight).';
comment on column model_figures.n_observations is 'Observations behind observed_value.';
comment on column model_figures.observed_value is 'Recency-weighted mean of what was observed. NULL if nothing was.';
comment on column model_figures.prior_value is 'Starting value: the published figure, or the figure of the wider scope. NULL if there is none.';
comment on column model_figures.prior_strength is 'Number of observations that the starting value weighs as much as.';
comment on column model_figures.prior_source is 'Where the starting value comes from.';
comment on column model_figures.provenance is 'One line that says on what the figure stands.';
comment on column model_figures.n_questions is 'For the quality: distinct questions behind n_observations; repeats of one count as one in value. NULL for other metrics.';

create table new_plan_statistics (
    topic varchar not null,
    task varchar not null,
    plan_key varchar not null,
    level integer not null,
    plan varchar not null,
    n_observations bigint not null,
    n_failed bigint not null,
    cost_usd double,
    latency_s double,
    energy_j double,
    qoa double,
    output_tokens double,
    var_cost_usd double,
    var_latency_s double,
    var_energy_j double,
    var_qoa double,
    var_output_tokens double,
    n_cost_usd bigint not null,
    n_latency_s bigint not null,
    n_energy_j bigint not null,
    n_qoa bigint not null,
    n_output_tokens bigint not null,
    observed_qoa double,
    prior_qoa double,
    prior_strength double,
    predicted_cost_usd double,
    predicted_latency_s double,
    predicted_energy_j double,
    predicted_qoa double,
    mean_question_chars double,
    n_executions bigint not null,
    n_subplans bigint not null,
    n_energy_measured bigint not null,
    first_seen timestamp,
    last_seen timestamp,
    provenance varchar not null,
    n_published bigint default 0,
    weight_qoa double default 0,
    n_questions bigint default 0,
    primary key (topic, task, plan_key)
);
insert into new_plan_statistics by name
select
    * exclude (topic),
    case when topic in ('open', 'choice') then '*' else topic end as topic,
    case when topic in ('open', 'choice') then topic else '*' end as task
from plan_statistics;
drop table plan_statistics;
alter table new_plan_statistics rename to plan_statistics;
comment on table plan_statistics is 'What is known of plans: one row per topic × task × plan. Topic * is all topics together; rows with n_observations = 0 stand on published figures.';
comment on column plan_statistics.topic is 'Topic; * for all topics together.';
comment on column plan_statistics.task is 'Task of the questions: open, choice, or * for a published figure that does not say.';
comment on column plan_statistics.plan_key is 'Plan (plans).';
comment on column plan_statistics.level is 'Operator-nesting depth: 0 a single model, 1 one chain or one blend of single models, 2 and higher deeper.';
comment on column plan_statistics.plan is 'The plan as JSON.';
comment on column plan_statistics.n_observations is 'Answered runs, whole or as a part of a larger plan, of the models that are served now.';
comment on column plan_statistics.n_failed is 'Runs that failed; they enter no other figure.';
comment on column plan_statistics.cost_usd is 'Mean cost in USD, observed and published.';
comment on column plan_statistics.latency_s is 'Mean latency in seconds, observed and published, loading of models not counted.';
comment on column plan_statistics.energy_j is 'Mean energy in joules, observed and published; n_energy_measured says how many were measured.';
comment on column plan_statistics.qoa is 'Quality that planners use: observed mean drawn to prior_qoa as (prior_strength × prior_qoa + weight_qoa × observed_qoa) / (prior_strength + weight_qoa).';
comment on column plan_statistics.output_tokens is 'Mean tokens of the answer.';
comment on column plan_statistics.var_cost_usd is 'Sample variance of the cost. NULL below two observations.';
comment on column plan_statistics.var_latency_s is 'Sample variance of the latency.';
comment on column plan_statistics.var_energy_j is 'Sample variance of the energy.';
comment on column plan_statistics.var_qoa is 'Sample variance of the quality.';
comment on column plan_statistics.var_output_tokens is 'Sample variance of the tokens of the answer.';
comment on column plan_statistics.n_cost_usd is 'Observations with a known cost.';
comment on column plan_statistics.n_latency_s is 'Observations with a known latency.';
comment on column plan_statistics.n_energy_j is 'Observations with a known energy.';
comment on column plan_statistics.n_qoa is 'Observations with a known quality.';
comment on column plan_statistics.n_output_tokens is 'Observations with known output tokens.';
comment on column plan_statistics.observed_qoa is 'Recency-weighted mean of the observed quality.';
comment on column plan_statistics.prior_qoa is 'Where the quality starts without observations: the published one or, without it, for a single model its prior, for a composed plan its last model alone.';
comment on column plan_statistics.prior_strength is 'Number of observations that prior_qoa weighs as much as.';
comment on column plan_statistics.predicted_cost_usd is 'Mean cost that planners expected of these executions; never mixed into the observed one.';
comment on column plan_statistics.predicted_latency_s is 'Mean latency that planners expected.';
comment on column plan_statistics.predicted_energy_j is 'Mean energy that planners expected.';
comment on column plan_statistics.predicted_qoa is 'Mean quality that planners expected.';
comment on column plan_statistics.mean_question_chars is 'Mean length of the questions in characters: cost and latency hold for such questions.';
comment on column plan_statistics.n_executions is 'Observations from executions of the whole plan.';
comment on column plan_statistics.n_subplans is 'Observations from larger plans that it is a part of.';
comment on column plan_statistics.n_energy_measured is 'Observations whose energy was measured, not predicted from tokens.';
comment on column plan_statistics.first_seen is 'Earliest observation (UTC).';
comment on column plan_statistics.last_seen is 'Latest observation (UTC).';
comment on column plan_statistics.provenance is 'One line that says on what the row stands.';
comment on column plan_statistics.n_published is 'Observations behind the published means that the row starts from, as their source says; not in n_observations.';
comment on column plan_statistics.n_questions is 'Distinct questions behind n_qoa: answering one again says little new.';
comment on column plan_statistics.weight_qoa is 'What the observed quality counts for: distinct questions (n_questions), each recency-weighted; an observation half-life days older than the newest counts half.';
comment on column model_figures.weight is 'What observed_value counts for: n_observations, for the quality n_questions, after recency weighting; an observation half-life days older than the newest counts half.';

-- Which questions a plan was judged on. Repeated executions of one question are no independent observations.
create table plan_questions (
    topic varchar not null,
    task varchar not null,
    plan_key varchar not null,
    served_key ubigint not null,
    question_key ubigint not null
);
comment on table plan_questions is 'Questions on which a plan was judged, whole or as a part: one row per topic × task × plan × served models × question.';
comment on column plan_questions.topic is 'Topic of the question.';
comment on column plan_questions.task is 'open, or choice (one option or several).';
comment on column plan_questions.plan_key is 'Plan, whole or as a part of a larger one (plans).';
comment on column plan_questions.served_key is 'Digest of what answered for the models of the plan, as in plan_days.served.';
comment on column plan_questions.question_key is 'Digest of the question: its text, else its id, else that of the execution.';

insert into plan_questions
with

runs as (
    select
        execution_id,
        topic,
        case when kind in ('choice', 'multi') then 'choice' else 'open' end as task,
        plan_key,
        plans.operations - 1 as sink,
        plans.repeated_nodes,
        case when status = 'answered' then qoa end as qoa,
        md5_number_lower(coalesce(nullif(trim(question), ''), question_id, execution_id)) as question_key
    from executions
    inner join plans using (plan_key)
),

served as (
    select
        execution_id,
        list(distinct model || '@' || coalesce(digest, answered_model)) as names
    from calls
    where coalesce(digest, answered_model) is not null
    group by execution_id
),

judged as (
    select runs.execution_id, topic, task, plan_key, question_key
    from runs
    left join (select execution_id, node as sink, cached from calls) as calls using (execution_id, sink)
    where not coalesce(calls.cached, false) and runs.qoa is not null
    union all
    select calls.execution_id, runs.topic, runs.task, calls.subplan_key, runs.question_key
    from calls
    inner join runs using (execution_id)
    where
        calls.subplan_key <> runs.plan_key
        and not calls.cached
        and calls.error is null
        and calls.subplan_qoa is not null
        and not list_contains(runs.repeated_nodes, calls.node)
)

select distinct
    topic,
    task,
    plan_key,
    md5_number_lower(array_to_string(list_sort(list_filter(
        coalesce(names, []),
        lambda s: len(list_filter(plans.models, lambda m: starts_with(s, m || '@'))) > 0
    )), chr(31))),
    question_key
from judged
inner join plans using (plan_key)
left join served using (execution_id)
order by all;
