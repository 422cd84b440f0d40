"""`optiq score`: how good answers were, when the references come after the run."""

from __future__ import annotations

from flows.command_line.screen import counted, figure, note, say, say_json, table
from flows.flow_requests import Json, ScoreAnswers


def score(request: ScoreAnswers, json: Json = False) -> None:
    """Score answers by references that came later. `optiq refresh` learns from the scores.

    Answers of another tool will do: `--column answer=prediction --column question_id=id` names their columns.

    Example:  optiq score answers.csv references.csv -o scored.csv
    """
    from flows.score_answers import score_answers
    from tasks.orchestration import start

    summary = start(score_answers, **request.given())
    if json:
        say_json(summary)
        return
    say(
        f"{summary['judged']} of {counted(summary['answers'], 'answer')} judged; mean QoA {figure(summary['qoa'])}"
    )
    known = {name: value for name, value in summary["scores"].items() if value is not None}
    say("  " + ", ".join(f"{name} {figure(value)}" for name, value in known.items()))
    for what, groups in summary["by"].items():
        rows = [[g[what], g["questions"], g["judged"], figure(g["qoa"])] for g in groups]
        table([what, "questions", "judged", "QoA"], rows, right=range(1, 4))
    for fault in summary["faults"]:
        note(f"warning: {fault}")
    if summary["references_without_answer"]:
        names = ", ".join(summary["unknown"])
        many = counted(summary["references_without_answer"], "reference")
        note(f"warning: without an answer: {many} ({names})")
    if summary["without_reference"]:
        note(f"warning: without a reference: {counted(summary['without_reference'], 'answer')}")
    if request.output:
        say(f"scored answers: {request.output}")
    if summary["executions"]:
        say(f"{counted(summary['executions'], 'execution')} scored; publish with: optiq refresh")
    else:
        note("warning: PerfDB has no execution of these answers, so nothing is learned from them")
