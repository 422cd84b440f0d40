-- Points of predicted against observed, at most $points per metric: those with the smallest digests of their ids.
select metric, topic, predicted, observed
from chart_predicted_observed
where $run is null or run_id = $run
qualify row_number() over (partition by metric order by md5(execution_id), execution_id) <= $points
order by metric, md5(execution_id)
