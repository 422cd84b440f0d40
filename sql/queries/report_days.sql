-- Spend by day and model, the last $rows days that had any. Grain: one row per day × model.
select
    day::varchar as day,
    model,
    cost_usd, -- each additive
    n_calls
from chart_spend_by_day
where day in (select distinct day from chart_spend_by_day order by day desc limit $rows)
order by day, model
