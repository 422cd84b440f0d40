"""`optiq review`: models grade each other's answers."""

from __future__ import annotations

import signal
from typing import Any

from flows.command_line.screen import counted, figure, note, say, say_json, table
from flows.flow_requests import Json, ReviewAnswers


def review(request: ReviewAnswers, json: Json = False) -> int:
    """Have models answer questions alone and grade each other's answers from 0 to 10.

    Own answers are not graded. `optiq refresh` computes chemistry from the grades. Three models or more are
    needed to tell how well one grades; with two, accuracy follows from references alone.

    Example:  optiq review examples/questions_calibrate.csv --models smollm2:135m,gemma3:270m --limit 5
    """
    from flows.command_line.progress import progress
    from flows.review_answers import review_answers
    from tasks.orchestration import start

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    with progress():
        summary = start(review_answers, **request.given())
    if json:
        say_json(summary)
    else:
        _show(summary)
    return 0


def _show(summary: dict[str, Any]) -> None:
    figures = ("quality", "generation_accuracy", "review_accuracy", "accuracy")
    rows = [
        [one["model"], one["answers"], one["grades"], *(figure(one[name]) for name in figures)]
        for one in summary["models"]
    ]
    table(
        ["model", "answers", "grades given", "quality (0–10)", "right", "grades well", "accuracy"],
        rows,
        title="Review",
        right=range(1, 7),
    )
    for one in summary["models"]:
        if one["no_grade"]:
            note(
                f"{one['model']}: {counted(one['no_grade'], 'grading')} without a grade, such as: {one['error']}"
            )
    say(
        f"{counted(summary['answers'], 'answer')} to {counted(summary['questions'], 'question')} "
        f"({summary['failed']} failed), {counted(summary['grades'], 'grade')}; server {summary['server']}"
    )
    if all(one["review_accuracy"] is None for one in summary["models"]):
        say(
            "How well the models grade cannot be told: that takes three models that grade, "
            "and grades that differ."
        )
    if summary["trials"]:
        say("Compute chemistry from it with: optiq refresh")
    else:
        say("No accuracy is known, so no chemistry follows: give references or a third model.")
