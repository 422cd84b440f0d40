-- Late scores enter the executions and calls that they are about.

update executions
set
    -- A failed execution has no answer to judge.
    qoa = case when executions.status = 'answered' then new_scores.qoa end,
    qoa_source = case when executions.status = 'answered' and new_scores.qoa is not null then 'scored' end,
    score_exact = new_scores.score_exact,
    score_jaccard = new_scores.score_jaccard,
    score_cosine = new_scores.score_cosine,
    score_contained = new_scores.score_contained,
    score_numeric = new_scores.score_numeric,
    score_date = new_scores.score_date,
    scores = coalesce(new_scores.scores, executions.scores),
    qoa_metric = case when executions.status = 'answered' and new_scores.qoa is not null then new_scores.qoa_metric end,
    reference = new_scores.reference
from new_scores
where new_scores.execution_id = executions.execution_id;

update calls
set subplan_qoa = nodes.qoa
from (select execution_id, unnest(nodes, recursive := true) from new_scores) as nodes
where nodes.execution_id = calls.execution_id and nodes.node = calls.node;
