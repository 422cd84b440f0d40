"""Models answer questions and grade each other's answers: what chemistry needs where there are no references."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import ReviewAnswers
from tasks.orchestration import run, wiring
from tasks.reviewing import answer_alone, close, grade_answers, open_review, settle_review, state_of
from tasks.run_state import stoppable


@wiring
@taking_parameters
def review_answers(request: ReviewAnswers) -> dict[str, Any]:
    """Have models answer the questions of ``file`` and grade each other; trials land for the next refresh.

    Parameters are those of `optiq review`. After Ctrl-C the same parameters take the answers from the cache.
    """
    run_id = run(open_review, request.wanted)
    try:
        with stoppable(state_of(run_id).shared.control):
            run(answer_alone, run_id)
            run(grade_answers, run_id)
        summary: dict[str, Any] = run(settle_review, run_id)
        return summary
    finally:
        close(run_id)
