"""What `optiq explain` says of a question's neighbours: which they are, and how they move each model's figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.command_line.screen import figure, say, table

if TYPE_CHECKING:
    from optiq.planning import Planning
    from optiq.questions.question import Question

SHOWN = 5
LONGEST = 72
"""Characters of a past question that are shown."""


def show_neighbours(planning: Planning, question: Question) -> None:
    """The past questions most like this one with what models made of them, and the shift of each model's figure.

    One line where past questions say nothing.
    """
    shifts = planning.shifts([question])[0]
    nearest = planning.nearest(question, SHOWN)
    if shifts is None or not nearest:
        say("neighbours none: no past questions that tell models apart; figures are those of the topics")
        return
    models = [model for model in planning.pool if any(model in dict(one.qoa) for one in nearest)]
    table(
        ["past question", "alike", *models],
        (
            [
                shortened(one.text),
                f"{one.likeness:.2f}",
                *(figure(dict(one.qoa).get(model)) for model in models),
            ]
            for one in nearest
        ),
        title=f"The past questions most like this one, and the QoA of models on them ({shifts.n} are heard)",
        right=range(1, 2 + len(models)),
    )
    say("neighbours " + ", ".join(f"{model} {shifts.of(model):+.3f}" for model in planning.pool))
    say()


def shortened(text: str) -> str:
    """A question on one line, cut after :data:`LONGEST` characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
