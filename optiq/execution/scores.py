"""Scores of executions: of the answer, and of every node's own output.

Each node's output is the answer of the sub-plan that ends there, so one run of a plan with three nodes
teaches about its parts as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from optiq.execution.trace import Call, Execution
from optiq.scoring import score_many
from optiq.scoring.answers import node_answer
from optiq.scoring.metrics import USUAL, Metrics


def score_executions(executions: Sequence[Execution], metrics: Metrics = USUAL) -> None:
    """Set ``scores`` of each execution and ``subplan_qoa`` of each call, where there is a reference.

    All texts are embedded in one run: give many executions at once. An execution that failed before its last
    node has no score; an empty answer scores 0.
    """
    outputs: list[tuple[Execution, Call, str]] = [
        (execution, call, node_answer(execution.question, execution.plan, call.node, _outputs(execution)))
        for execution in executions
        if execution.question.reference is not None
        for call in execution.calls
        if call.output is not None
    ]
    scores = score_many([(execution.question, answer) for execution, _, answer in outputs], metrics)
    for (execution, call, _), score in zip(outputs, scores, strict=True):
        call.subplan_qoa = score.qoa
        if call.node == execution.plan.sink:
            execution.scores = score


def _outputs(execution: Execution) -> dict[int, str | None]:
    return {call.node: call.output for call in execution.calls if call.error is None}
