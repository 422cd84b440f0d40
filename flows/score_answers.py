"""Score answers whose references come after the run."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import ScoreAnswers
from tasks.orchestration import run, wiring
from tasks.scoring import score_file


@wiring
@taking_parameters
def score_answers(request: ScoreAnswers) -> dict[str, Any]:
    """Judge ``answers`` by ``references`` (joined by question_id); the next refresh updates their executions."""
    return run(
        score_file,
        request.answers,
        request.references,
        request.output,
        request.settings.home,
        request.settings.metrics,
        request.settings.reading,
    )
