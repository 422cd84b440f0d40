-- What was executed with which prompts: plans name them (model+cot), executions from before that do not. Grain: one row per topic × plan × prompt.
create or replace view executions_by_prompt as
select
    topic,
    plan_key,
    prompt,
    count(*) as n_executions,
    count(*) filter (status = 'answered') as n_answered,
    avg(qoa) as qoa,
    avg(cost_usd) as cost_usd, -- each resource
    max(started_at) as last_at
from executions
group by topic, plan_key, prompt
order by topic, plan_key, prompt;
comment on view executions_by_prompt is 'Executions per topic, plan and prompt set; plan_statistics pools those of one plan, which has had one set since plans name it (model+cot).';
comment on column executions_by_prompt.topic is 'Topic of the questions; * for those without one.';
comment on column executions_by_prompt.plan_key is 'Plan (plans).';
comment on column executions_by_prompt.prompt is 'Prompt set and hash of its content. NULL if not recorded.';
comment on column executions_by_prompt.n_executions is 'Executions, failed ones too.';
comment on column executions_by_prompt.n_answered is 'Those of them that were answered.';
comment on column executions_by_prompt.qoa is 'Mean quality of the answers that were judged, 0 to 1.';
comment on column executions_by_prompt.cost_usd is 'Mean cost of the executions whose cost is known; the unit is in the name.'; -- each resource
comment on column executions_by_prompt.last_at is 'Start of the latest one (UTC).';
