"""Models answer questions and grade each other's answers: what chemistry needs where there are no references."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import settings_of
from flows.run_options import whole
from tasks.orchestration import run
from tasks.reviewing import Wanted, answer_alone, close, grade_answers, open_review, settle_review, state_of
from tasks.run_state import stoppable


@flow
def review_answers(
    file: str,
    models: str | None = None,
    topic: str | None = None,
    limit: int | None = None,
    server: str | None = None,
    server_url: str | None = None,
    perfdb: str | None = None,
    seed: int | None = None,
    cache: bool = True,
) -> dict[str, Any]:
    """Have models answer the questions of ``file`` and grade each other; trials land for the next refresh.

    Parameters are those of `optiq review`. After Ctrl-C the same parameters take the answers from the cache.
    """
    given = locals()
    run_id = run(
        open_review, Wanted(file, settings_of(given), topic, whole(given, "limit"), bool(given["cache"]))
    )
    try:
        with stoppable(state_of(run_id).shared.control):
            run(answer_alone, run_id)
            run(grade_answers, run_id)
        summary: dict[str, Any] = run(settle_review, run_id)
        return summary
    finally:
        close(run_id)
