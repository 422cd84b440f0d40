-- What is known before a merge: sums per like thing, that a night is compared with (sql/relative/compared).
-- Alike are runs that answer questions of one topic and task by one plan with the same weights.
create or replace temp view summed_plans as
select
    topic,
    task,
    plan_key,
    served,
    added(cost_usd) as cost_usd, -- each metric
    added(output_tokens) as output_tokens
from plan_days
group by topic, task, plan_key, served;

create or replace temp view summed_models as
select
    model,
    sum(priced.n) as n_priced,
    sum(priced.usd) as usd,
    sum(priced.prompt_tokens) as prompt_tokens,
    sum(priced.output_tokens) as output_tokens,
    sum(prompt_tokens.n) as n_prompts,
    sum(counted_prompt_chars) as prompt_chars,
    sum(counted_prompt_tokens) as counted_tokens
from model_days
group by model;

create or replace temp table known_plans as from summed_plans;
create or replace temp table known_models as from summed_models;
