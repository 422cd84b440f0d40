-- How sure one can be of each answer. Grain: one row per answered execution about which anything is known.
create or replace view answer_confidence as
with seen as (
    select
        executions.execution_id,
        executions.run_id,
        executions.question_id,
        executions.answer,
        executions.task,
        unnest([
            {'rank': 1, 'model': '*', 'signal': 'agreement', 'value': executions.agreement},
            {'rank': 2, 'model': calls.model, 'signal': 'logprob_mean', 'value': calls.logprob_mean},
            {'rank': 3, 'model': calls.model, 'signal': 'logprob_least', 'value': calls.logprob_least}
        ], recursive := true)
    from executions
    inner join plans using (plan_key)
    left join calls on calls.execution_id = executions.execution_id and calls.node = plans.operations - 1
    where executions.status = 'answered'
),

lowest as (
    select model, task, signal, min(least) as least from confidence_blocks group by all
)

select
    seen.execution_id,
    seen.run_id,
    seen.question_id,
    seen.answer,
    seen.signal,
    seen.value,
    blocks.probability as confidence,
    blocks.low as confidence_low,
    blocks.high as confidence_high
from seen
inner join lowest on lowest.model = seen.model and lowest.task = seen.task and lowest.signal = seen.signal
inner join confidence_blocks as blocks
    on blocks.model = seen.model and blocks.task = seen.task and blocks.signal = seen.signal
    and (blocks.least <= seen.value or blocks.least = lowest.least)
where seen.value is not null
qualify row_number() over (partition by seen.execution_id order by seen.rank, blocks.least desc) = 1;
comment on view answer_confidence is 'The probability that an answer is right, by how likely the model found it or how far models agreed (confidence_blocks).';
comment on column answer_confidence.signal is 'What it was told by: agreement, logprob_mean or logprob_least.';
comment on column answer_confidence.value is 'The signal of this answer.';
comment on column answer_confidence.confidence is 'Probability that the answer is right.';
comment on column answer_confidence.confidence_low is 'Lower bound of the 90 % interval.';
comment on column answer_confidence.confidence_high is 'Upper bound of it.';
comment on column answer_confidence.execution_id is 'Execution (executions).';
comment on column answer_confidence.run_id is 'Its run.';
comment on column answer_confidence.question_id is 'Its question.';
comment on column answer_confidence.answer is 'What was answered.';
