-- One run in one row: answered questions, predicted and observed means per question.
select
    count(*) filter (where status = 'answered') as n_answered,
    avg(predicted_cost_usd) as predicted_cost_usd, -- each metric
    avg(cost_usd) as cost_usd, -- each metric
from executions
where run_id = $run_id
