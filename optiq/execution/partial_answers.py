"""When a plan cannot be finished: the best answer among those that its nodes gave."""

from __future__ import annotations

import math

from optiq.execution.asking import Asking
from optiq.execution.calling import Figures
from optiq.execution.trace import Call, Execution, Partial


def fall_back(execution: Execution, asking: Asking, figures: Figures | None) -> None:
    """Set ``partial`` of an execution that failed, if a node has an answer.

    The best node is the one that the most operations led to, as it has read the most; of several, the one
    whose model is the best on this topic. The execution stays failed: its plan was not observed.
    """
    answers = {}
    outputs = {call.node: call.output for call in execution.calls if call.error is None}
    for call in execution.calls:
        if call.error is not None:
            continue
        if answer := asking.answer(execution.question, execution.plan, call.node, outputs):
            answers[call.node] = answer
    if not answers:
        return

    def worth(call: Call) -> tuple[int, float, int]:
        qoa = math.nan if figures is None else figures(call.model).qoa
        return len(execution.plan.closure(call.node)), -1.0 if math.isnan(qoa) else qoa, -call.node

    best = max((call for call in execution.calls if call.node in answers), key=worth)
    execution.partial = Partial(best.node, best.model, answers[best.node])
