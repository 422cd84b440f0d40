-- The best single model per topic. Grain: one row per row of best_model_per_topic.
select * from best_model_per_topic order by topic limit $rows
