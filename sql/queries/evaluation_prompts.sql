-- Prompt sets of the executions of a time and a run (NULL: of all). Grain: one row per prompt set.
select
    coalesce(prompt, 'unrecorded') as prompt,
    count(*) filter (status = 'answered') as n_executions,
    count(*) filter (status = 'failed') as n_failed,
    count(qoa) filter (status = 'answered') as n_judged,
    count(distinct hash(coalesce(question, question_id), kind))
        filter (status = 'answered' and qoa is not null) as n_questions
from executions
where
    ($since is null or started_at >= $since)
    and ($until is null or started_at < $until)
    and ($run is null or starts_with(run_id, $run))
group by prompt
order by n_questions desc, n_executions desc, prompt
