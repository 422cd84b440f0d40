-- Published figures with topic and task apart: in a file of priors a task may stand in the place of the topic.
-- Grain: one row per row of priors.
create or replace view published_priors as
select
    model,
    case when topic in ('open', 'choice') then '*' else topic end as topic,
    case when topic in ('open', 'choice') then topic else '*' end as task,
    metric,
    value,
    source,
    as_of
from priors
order by model, topic, task, metric, as_of;
comment on view published_priors is 'Someone''s published figures (priors) with topic and task apart; one row per figure, every one ever ingested.';
comment on column published_priors.model is 'Model.';
comment on column published_priors.topic is 'Topic; * for any topic.';
comment on column published_priors.task is 'open (facts), choice, number, long, code or json; * for any.';
comment on column published_priors.metric is 'What the figure is; the unit is in its name.';
comment on column published_priors.value is 'The figure.';
comment on column published_priors.source is 'Who published it.';
comment on column published_priors.as_of is 'The day of the figure. NULL if nobody said.';
