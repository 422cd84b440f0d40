"""The scores of an answer, and which of them is its QoA (Opti-Q, section 5, QoA Computation).

==========  ==========================================================================================
kind        QoA: the first line that applies
==========  ==========================================================================================
``open``    the reference is a date: 1 if the answer says that date, else 0
``open``    the reference is a number: 1 if the answer's number equals it, else 0
``open``    the answer equals the reference, or has all its words, once normalised: 1
``open``    the cosine of their all-MiniLM-L6-v2 embeddings (384 dimensions), cut to 0 to 1
``choice``  1 if exactly the option of the reference was chosen, else 0
``multi``   Jaccard similarity of the chosen and the right options
==========  ==========================================================================================

The paper grades open answers by cosine alone. That is a weak judge of short facts: among its recorded SimpleQA
answers (``docs/scoring.md``) wrong ones have a mean cosine of 0.34, wrong dates and numbers of 0.43 and up to 0.98,
and a planner then learns which model is wrong in a similar way. All scores are stored, so that another rule can be
applied later. Without the embedding package an answer that no other line decides has no QoA: never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from optiq.questions.option_letters import letters_of
from optiq.questions.question import Kind, Question
from optiq.scoring.dates import date_equality
from optiq.scoring.forms import same_fields
from optiq.scoring.numbers import numeric_equality
from optiq.scoring.text import containment, exact_match
from optiq.text import embedding


@dataclass(frozen=True, slots=True)
class Scores:
    """Every score that a pair of answer and reference has, 0 to 1; ``None`` where a score does not apply.

    ``exact``, ``contained``, ``numeric``, ``date`` and ``cosine`` (-1 to 1) are for open questions, ``exact`` and
    ``jaccard`` for those with options. ``qoa`` is the one that counts for the kind of question.
    """

    exact: float | None = None
    jaccard: float | None = None
    cosine: float | None = None
    contained: float | None = None
    numeric: float | None = None
    date: float | None = None
    qoa: float | None = None

    def columns(self) -> dict[str, float | None]:
        """The scores as columns of traces and scored answers: ``score_exact``, …; without the QoA."""
        return {f"score_{name}": getattr(self, name) for name in SCORES}


SCORES = tuple(f.name for f in fields(Scores) if f.name != "qoa")
"""Names of the scores that a QoA is chosen from."""


def jaccard(chosen: Iterable[str], right: Iterable[str]) -> float:
    """Shared options over all options named; 0.0 if nothing was chosen."""
    left, other = set(chosen), set(right)
    return len(left & other) / len(left | other) if left and other else 0.0


def cosines(pairs: Sequence[tuple[str, str]]) -> list[float | None]:
    """Cosine of the embeddings of each pair, -1 to 1; texts are embedded once. None without the package."""
    if not pairs or not embedding.available():
        return [None] * len(pairs)
    texts = sorted({text for pair in pairs for text in pair})
    rows = dict(zip(texts, embedding.embed(texts), strict=True))
    return [float(rows[left] @ rows[right]) for left, right in pairs]


def score(question: Question, answer: str | None) -> Scores:
    """The scores of one answer; all ``None`` without a reference or an answer."""
    return score_many([(question, answer)])[0]


def score_many(items: Sequence[tuple[Question, str | None]]) -> list[Scores]:
    """The scores of many answers; all embeddings in one run.

    ``None`` as an answer (nobody answered) has no score; an empty answer is a wrong one.
    """
    open_places = [
        place
        for place, (question, answer) in enumerate(items)
        if not question.kind.has_options
        and question.kind is not Kind.JSON
        and question.reference is not None
        and answer
        and answer.strip()
    ]
    pairs = [(str(items[place][1]), str(items[place][0].reference)) for place in open_places]
    by_place = dict(zip(open_places, cosines(pairs), strict=True))
    return [_scores(question, answer, by_place.get(place)) for place, (question, answer) in enumerate(items)]


def _scores(question: Question, answer: str | None, cosine: float | None) -> Scores:
    if question.reference is None or answer is None:
        return Scores()
    if question.kind is Kind.JSON:
        same = same_fields(answer, question.reference)
        return Scores(exact=float(same == 1.0), jaccard=same, qoa=same)
    if not question.kind.has_options:
        return _open_scores(answer, question.reference, cosine)
    chosen = letters_of(answer, question.options) if answer.strip() else ()
    right = letters_of(question.reference, question.options)
    exact, overlap = float(bool(chosen) and chosen == right), jaccard(chosen, right)
    return Scores(exact=exact, jaccard=overlap, qoa=overlap if question.kind is Kind.MULTI else exact)


def _open_scores(answer: str, reference: str, cosine: float | None) -> Scores:
    exact, contained = exact_match(answer, reference), containment(answer, reference)
    date, numeric = date_equality(answer, reference), numeric_equality(answer, reference)
    # A bare year may be a date or a number: "May 1821" says 1821, and "1,200" says 1200.
    facts = [value for value in (date, numeric) if value is not None]
    if not answer.strip() or exact == 1.0:
        qoa: float | None = exact
    elif facts:
        qoa = max(facts)
    elif contained == 1.0:
        qoa = 1.0
    else:
        qoa = None if cosine is None else min(max(cosine, 0.0), 1.0)
    return Scores(exact=exact, cosine=cosine, contained=contained, numeric=numeric, date=date, qoa=qoa)
