"""Whether two answers to one question say the same: how far the models of a plan agree."""

from __future__ import annotations

from collections.abc import Sequence

from optiq.questions.option_letters import letters_of
from optiq.questions.question import Question
from optiq.scoring.dates import date_equality
from optiq.scoring.numbers import numeric_equality
from optiq.scoring.text import containment, exact_match


def agreement(question: Question, answer: str, others: Sequence[str]) -> float | None:
    """Share of ``others`` that say what ``answer`` says; None without others."""
    given = [other for other in others if other]
    if not given or not answer:
        return None
    return sum(_same(question, answer, other) for other in given) / len(given)


def _same(question: Question, one: str, other: str) -> bool:
    if question.kind.has_options:
        chosen = letters_of(one, question.options)
        return bool(chosen) and chosen == letters_of(other, question.options)
    return any(
        1.0 in (exact_match(a, b), containment(a, b), numeric_equality(a, b), date_equality(a, b))
        for a, b in ((one, other), (other, one))
    )
