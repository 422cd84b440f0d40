-- A new migration makes the next refresh publish, with the calibration_* views of sql/views.
comment on table executions is 'One row per run of a plan on a question. Its calls are in calls; the views chart_* draw it, the views calibration_* say how right its predictions were.';
