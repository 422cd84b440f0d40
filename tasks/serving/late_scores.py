"""Feedback on an answer that was given: the row that lands as a late score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optiq.endpoint.refusals import Refusal
from optiq.execution.trace import Execution
from optiq.plans.plan import Plan
from optiq.questions.question import Kind
from optiq.scoring import Scores, score_many
from optiq.scoring.answers import parse_answer
from optiq.scoring.references import KnownQuestion, question_of
from warehouse.home import Home
from warehouse.scores import execution_of


def late_score(
    home: Home, given: Mapping[str, Any], plan_key: str | None, kept: Execution | None
) -> dict[str, Any]:
    """A row of ``SCORE_COLUMNS`` from checked feedback; the plan and the execution where they are remembered.

    Raises
    ------
    Refusal
        (404) if nobody knows the execution, (409) if its answer, which a reference is compared with, was not kept.
    """
    name, recorded = given["execution_id"], None
    if plan_key is None or ("reference" in given and kept is None):
        recorded = execution_of(home, name)
        plan_key = plan_key or (recorded or {}).get("plan_key")
    if plan_key is None:
        raise Refusal(
            404,
            f"there is no execution {name[:64]!r}",
            "Give the execution_id of a reply.",
            code="execution_not_found",
        )
    if "score" in given:
        scores, qoa = Scores(), float(given["score"])
    else:
        scores = _judged(name, kept, recorded or {}, given["reference"])
        if scores.qoa is None:
            raise Refusal(
                409,
                f"execution {name} has no stored answer to compare with a reference",
                "Give a score instead.",
                code="no_answer",
            )
        qoa = scores.qoa
    return {
        "execution_id": name,
        "reference": given.get("reference"),
        "qoa": qoa,
        **scores.columns(),
        "nodes": [{"node": Plan.from_key(plan_key).sink, "qoa": qoa}],
    }


def _judged(name: str, kept: Execution | None, recorded: Mapping[str, Any], reference: str) -> Scores:
    """How good the answer is by a reference."""
    if kept is not None:
        asked, answer = KnownQuestion(kept.question.text, (), kept.question.kind), kept.answer
    else:
        kind, answer = recorded.get("kind"), recorded.get("answer")
        asked = KnownQuestion(recorded.get("question") or "", (), Kind(kind) if kind else None)
    if answer is None:
        return Scores()
    question = question_of(name, {"reference": reference}, asked)
    return score_many([(question, parse_answer(question, answer))])[0]
