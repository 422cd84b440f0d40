"""Plan and answer a question file."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import AnswerQuestions
from tasks.answering import abandon, answer_chunk, open_job, put_down, write_job
from tasks.orchestration import map_over, run, wiring

WORKERS = 4
"""Chunks worked on at once: while one ends, others keep the servers busy."""


@wiring(workers=WORKERS)
@taking_parameters
def answer_questions(request: AnswerQuestions) -> dict[str, Any]:
    """Answer every question of ``file`` along its plan and write one row per input row to ``output``.

    Parameters are those of `optiq answer`; limits hold per question, those with ``total`` for the whole run.
    The same parameters again go on with the same run.
    """
    asked = (request.file, request.written, request.budget, request.topic)
    job = run(open_job, *asked, request.settings, request.options)
    try:
        parts = map_over(answer_chunk, job.chunks(), workers=WORKERS, job=job)
        return run(write_job, job, parts)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(put_down(job)) from None
    finally:
        abandon(job)
