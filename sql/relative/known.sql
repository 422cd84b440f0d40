-- What is known before a merge, that a night is compared with (sql/relative/compared). Rows are only ever added to
-- plan_days: those above known_days are the night's.
set variable known_days = (select coalesce(max(rowid), -1) from plan_days);

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

create or replace temp table known_models as from summed_models;
