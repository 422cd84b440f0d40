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
comment on column chart_spend_by_day.day is 'Day (UTC). NULL if no start was recorded.';
comment on column chart_spend_by_day.model is 'Model that was called.';
comment on column chart_spend_by_day.cost_usd is 'Total cost of the calls whose cost is known; the unit is in the name. NULL if it is known of none.'; -- each additive
comment on column chart_spend_by_day.n_calls is 'Calls made, those that failed included, those from the cache not.';
