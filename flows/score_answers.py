"""Score answers whose references come after the run."""

from __future__ import annotations

from typing import Any

from prefect import flow

from tasks.orchestration import run
from tasks.scoring import score_file


@flow
def score_answers(
    answers: str, references: str, output: str | None = None, perfdb: str | None = None
) -> dict[str, Any]:
    """Judge ``answers`` by ``references`` (joined by question_id); the next refresh updates their executions."""
    return run(score_file, answers, references, output, perfdb)
