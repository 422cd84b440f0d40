-- What forms of answers a run gave. Grain: one row per form. A question that was planned again is one question.
select
    case executions.kind when 'open' then 'short' else executions.kind end as form,
    count(distinct coalesce(question_id, execution_id)) as n_questions,
    count(distinct coalesce(question_id, execution_id)) filter (executions.status = 'answered') as n_answered,
    count(executions.qoa) as n_judged,
    avg(executions.qoa) as qoa,
    string_agg(distinct executions.qoa_metric, ', ' order by executions.qoa_metric) as metric,
    avg(spoken.output_tokens) as output_tokens
from executions
left join (
    select execution_id, sum(output_tokens) as output_tokens from calls group by execution_id
) as spoken using (execution_id)
where executions.run_id = $run
group by form
order by n_questions desc, form
