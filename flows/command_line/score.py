"""`optiq score`: how good answers were, when the references come after the run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.command_line.options import Json, PerfDBHome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("score")(score)


def score(
    answers: Annotated[str, typer.Argument(metavar="ANSWERS", help="What `optiq answer` wrote.")],
    references: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCES", help="Columns question_id and reference, or labelled questions."
        ),
    ],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the scored answers here.")
    ] = None,
    perfdb: PerfDBHome = None,
    json: Json = False,
) -> None:
    """Score answers by references that came later. `optiq refresh` learns from the scores.

    Example:  optiq score answers.csv references.csv -o scored.csv
    """
    from flows.command_line.screen import figure, note, say, say_json, table
    from flows.score_answers import score_answers
    from optiq.configuration import Settings
    from tasks.orchestration import start

    home = Settings.load({"home": perfdb}).home
    summary: dict[str, Any] = start(
        score_answers, answers=answers, references=references, output=output, perfdb=home
    )
    if json:
        say_json(summary)
        return
    say(f"{summary['judged']} of {summary['answers']} answers judged; mean QoA {figure(summary['qoa'])}")
    known = {name: value for name, value in summary["scores"].items() if value is not None}
    say("  " + ", ".join(f"{name} {figure(value)}" for name, value in known.items()))
    for what, groups in summary["by"].items():
        rows = [[g[what], g["questions"], g["judged"], figure(g["qoa"])] for g in groups]
        table([what, "questions", "judged", "QoA"], rows, right=range(1, 4))
    for fault in summary["faults"]:
        note(f"warning: {fault}")
    if summary["references_without_answer"]:
        names = ", ".join(summary["unknown"])
        note(f"warning: {summary['references_without_answer']} references have no answer ({names})")
    if summary["without_reference"]:
        note(f"warning: {summary['without_reference']} answers have no reference")
    if output:
        say(f"scored answers: {output}")
    if summary["executions"]:
        say(f"{summary['executions']} executions scored; publish with: optiq refresh")
    else:
        note("warning: PerfDB has no execution of these answers, so nothing is learned from them")
