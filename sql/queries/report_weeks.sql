-- Predicted against observed by week, the last $rows weeks that had any. Grain: one row per task × week × metric.
select *
from calibration_by_week
where week in (select distinct week from calibration_by_week where week is not null order by week desc limit $rows)
order by task, week, metric
