-- The prices of tables that count: those whose source is that of the model's published price, as last ingested.
-- Grain: one row per model × step.
select prices.*
from prices
inner join model_figures as used
    on used.model = prices.model and used.prior_source = prices.source
    and used.topic = '*' and used.task = '*' and used.metric = 'usd_per_prompt_token'
qualify prices.ingestion = max(prices.ingestion) over (partition by prices.model)
order by model, above_tokens, valid_from, hour_from
