-- Bars of the chart "spend by day". Grain: one row per day × model.
create or replace view chart_spend_by_day as
select
    day,
    model,
    case when sum(cost_usd.n) > 0 then sum(cost_usd.total) end as cost_usd, -- each additive
    sum(n_calls)::bigint as n_calls
from model_days
group by day, model
order by day, model;
comment on view chart_spend_by_day is 'Chart: calls and what adds up (USD, joules) per day (UTC) and model.';
comment on column chart_spend_by_day.cost_usd is 'USD of the calls whose cost is known. NULL if none is.';
