"""The scores of an answer, and which of them is its QoA (Opti-Q, section 5, QoA Computation).

==========  ==========================================================================================
kind        QoA: the first line that applies
==========  ==========================================================================================
``open``    the reference is yes or no: 1 if the answer says so, else 0
``open``    the answer refuses: 0
``open``    the reference is a date, a figure, a formula: 1 if the answer states it, else 0
``open``    the answer equals the reference, or names it: 1
``open``    other figures, opposites, a denial, other items: 0
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

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from optiq.questions.option_letters import letters_of
from optiq.questions.question import Kind, Question
from optiq.questions.question_cells import accepted
from optiq.scoring.aliases import another_known, is_called, other_names, without_its_kind
from optiq.scoring.chemical import chemical_equality
from optiq.scoring.dates import date_equality
from optiq.scoring.denial import denies, refuses, truth_named, truth_of
from optiq.scoring.forms import same_fields
from optiq.scoring.metrics import COSINE, DEFAULTS, USUAL, Metrics
from optiq.scoring.names import same_person
from optiq.scoring.numbers import numeric_equality
from optiq.scoring.opposites import opposed
from optiq.scoring.text import (
    acronym,
    calculated,
    compares,
    concludes_otherwise,
    containment,
    designators,
    exact_match,
    formula_equality,
    logic_equality,
    named_but_for_what_was_asked,
    names_others,
    only_repeats,
    other_name,
    restated,
    roles_agree,
    same_items,
    same_long_number,
    same_signs,
    same_state,
    same_text,
    shares_no_word,
    solutions_in_one_line,
    taken_back,
    tuple_equality,
    without_aside,
    without_lead,
    words_of,
)
from optiq.text import embedding

_LONGEST = 4000
"""Characters of an answer to an open question that are read; it is a fact, not an essay."""

_REFUSAL = 40
"""Words below which a long answer can be a refusal as a whole."""

_OTHER_WORDS = 0.49
"""What of a cosine counts between a short reference and an answer of other words: those of wrong answers reach 0.87,
and 1 in scripts that the model does not know."""

_SHORT = 9
"""Words from which on an answer is no short one, so that an opposite in it says nothing."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Every score that a pair of answer and reference has, 0 to 1; ``None`` where a score does not apply.

    ``exact``, ``contained``, ``numeric``, ``date`` and ``cosine`` (-1 to 1) are for open questions, ``exact`` and
    ``jaccard`` for those with options. ``qoa`` is the one that counts for the kind of question,
    ``metric`` its name; ``others`` are scores by the name of their metric (:mod:`optiq.scoring.metrics`).
    """

    exact: float | None = None
    jaccard: float | None = None
    cosine: float | None = None
    contained: float | None = None
    numeric: float | None = None
    date: float | None = None
    qoa: float | None = None
    others: Mapping[str, float] = field(default_factory=dict, compare=False)
    metric: str | None = field(default=None, compare=False)

    def columns(self) -> dict[str, float | None]:
        """The scores as columns of traces and scored answers: ``score_exact``, …; without the QoA."""
        return {f"score_{name}": getattr(self, name) for name in SCORES}

    @property
    def written(self) -> str | None:
        """The scores by name that have no column of their own, as JSON."""
        return json.dumps(dict(self.others)) if self.others else None


SCORES = tuple(f.name for f in fields(Scores) if f.name not in ("qoa", "others", "metric"))
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


def score(question: Question, answer: str | None, metrics: Metrics = USUAL) -> Scores:
    """The scores of one answer; all ``None`` without a reference or an answer."""
    return score_many([(question, answer)], metrics)[0]


def rule(answer: str, reference: str, question: Question) -> float | None:
    """The QoA of a short answer, whatever the form: the metric ``rule``."""
    short = replace(question, kind=Kind.OPEN, options=(), reference=reference)
    return score(short, answer).qoa


def score_many(items: Sequence[tuple[Question, str | None]], metrics: Metrics = USUAL) -> list[Scores]:
    """The scores of many answers; all embeddings in one run. ``metrics`` says which one is the QoA of a form.

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
    pairs = [
        (place, str(items[place][1]), reference)
        for place in open_places
        for reference in _wanted(items[place][0])
    ]
    likeness: dict[int, list[float | None]] = {}
    for (place, _, _), cosine in zip(pairs, cosines([pair[1:] for pair in pairs]), strict=True):
        likeness.setdefault(place, []).append(cosine)
    return [
        _by_metric(_scores(question, answer, likeness.get(place)), question, answer, metrics)
        for place, (question, answer) in enumerate(items)
    ]


def _by_metric(scores: Scores, question: Question, answer: str | None, metrics: Metrics) -> Scores:
    """``scores`` with those of further metrics, and the QoA by the one that counts for the form."""
    if question.reference is None or answer is None:
        return scores
    usual = DEFAULTS[question.kind]
    name = metrics.of(question.kind)
    if name == usual and question.kind not in (Kind.LONG, Kind.CODE):
        return _named(scores, usual)
    others = metrics.others(question, answer, _wanted(question)) if answer.strip() else {}
    if name == usual:
        return replace(scores, metric=usual, others=others)
    if scores.qoa is not None:
        others = {usual: scores.qoa, **others}
    qoa = others.get(name) if answer.strip() else 0.0
    if name == COSINE and scores.cosine is not None:
        qoa = others[COSINE] = min(max(scores.cosine, 0.0), 1.0)
    return replace(scores, qoa=qoa, metric=name, others=others)


def _named(scores: Scores, metric: str) -> Scores:
    """``scores`` with the name of their metric; several times as fast as :func:`dataclasses.replace`."""
    return Scores(
        scores.exact, scores.jaccard, scores.cosine, scores.contained, scores.numeric, scores.date, scores.qoa,
        scores.others, metric,
    )  # fmt: skip


def _wanted(question: Question) -> tuple[str, ...]:
    """The references of an open question; a program that is a list is one."""
    reference = str(question.reference)
    return (reference,) if question.kind is Kind.CODE else accepted(reference)


def _scores(question: Question, answer: str | None, likeness: Sequence[float | None] | None) -> Scores:
    if question.reference is None or answer is None:
        return Scores()
    if question.kind is Kind.JSON:
        same = same_fields(answer, question.reference)
        return Scores(exact=float(same == 1.0), jaccard=same, qoa=same)
    if not question.kind.has_options:
        wanted = _wanted(question)
        likeness = likeness or [None] * len(wanted)
        found = [_open_scores(question, answer, *pair) for pair in zip(wanted, likeness, strict=True)]
        return max(found, key=lambda scores: -1.0 if scores.qoa is None else scores.qoa)
    chosen = letters_of(answer, question.options) if answer.strip() else ()
    right = letters_of(question.reference, question.options)
    exact, overlap = float(bool(chosen) and chosen == right), jaccard(chosen, right)
    return Scores(exact=exact, jaccard=overlap, qoa=overlap if question.kind is Kind.MULTI else exact)


def _open_scores(question: Question, answer: str, reference: str, cosine: float | None) -> Scores:
    if question.kind in (Kind.LONG, Kind.CODE):
        return _text_scores(answer, reference, cosine)
    answer = answer[:_LONGEST]
    exact, contained = exact_match(answer, reference), containment(answer, reference)
    date, numeric = date_equality(answer, reference), numeric_equality(answer, reference, question.text)
    # A bare year may be a date or a number: "May 1821" says 1821, and "1,200" says 1200.
    facts = [value for value in (date, numeric) if value is not None]
    if facts and len(answer.split()) < _SHORT and opposed(words_of(answer), words_of(reference)):
        facts = [0.0]  # 3 years ago, 3 years from now
    if (ordered := tuple_equality(answer, reference)) is not None:
        facts = [ordered]
    if facts and compares(reference):
        facts = []  # x < 5, which is 5 > x
    if (signs := logic_equality(answer, reference)) is not None:
        facts = [signs]
    elif facts == [0.0] and (calculated(answer, reference) or solutions_in_one_line(answer, reference)):
        facts = [1.0]
    if facts and only_repeats(answer, question.text):
        facts = [0.0]
    formula = formula_equality(answer, reference) if not facts else None
    truth = truth_named(reference)
    if not answer.strip():
        qoa: float | None = 0.0
    elif same_text(answer, reference) or same_long_number(answer, reference):
        qoa = 1.0
    elif (signs_alone := same_signs(answer, reference)) is not None:
        qoa = float(signs_alone)
    elif truth is not None:
        said = truth_of(answer)
        qoa = float((restated(question.text, answer) if said is None else said) is truth)
    elif another_known(answer, reference):
        qoa = 0.0
    elif any(
        exact_match(answer, name) == 1.0 or (containment(answer, name) == 1.0 and is_called(answer, name))
        for name in other_names(reference, question.text)
    ):
        qoa = 1.0
    elif (chemical := chemical_equality(answer, reference)) is not None:
        qoa = chemical
    elif refuses(answer):
        qoa = float(refuses(reference))
    elif facts:
        qoa = max(facts)
    elif formula is not None:
        qoa = formula
    elif (roles := roles_agree(answer, reference)) is not None:
        qoa = float(roles)
    elif (
        exact == 1.0
        or contained == 1.0
        or same_items(answer, reference)
        or same_person(answer, reference)
        or acronym(answer, reference)
        or same_state(answer, reference)
        or ((bare := without_aside(reference)) and exact_match(answer, bare) == 1.0)
        or ((bare := without_lead(reference)) and exact_match(answer, bare) == 1.0)
        or named_but_for_what_was_asked(answer, reference, question.text)
        or (
            (bare := without_its_kind(reference, f"{question.text} {answer}"))
            and containment(answer, bare) == 1.0
        )
    ):
        qoa = 1.0
    elif not _comparable(answer, reference) or taken_back(answer, reference):
        qoa = 0.0
    else:
        qoa = None if cosine is None else min(max(cosine, 0.0), 1.0)
        if qoa is not None and shares_no_word(answer, reference):
            qoa *= _OTHER_WORDS
    return Scores(exact=exact, cosine=cosine, contained=contained, numeric=numeric, date=date, qoa=qoa)


def _text_scores(answer: str, reference: str, cosine: float | None) -> Scores:
    """Of a long text or a program: the same, or as much as it means the same; a refusal is worth nothing."""
    exact = exact_match(answer, reference)
    qoa: float | None = exact
    if answer.strip() and exact == 0.0:
        refused = len(answer.split()) < _REFUSAL and refuses(answer) and not refuses(reference)
        qoa = 0.0 if refused else None if cosine is None else min(max(cosine, 0.0), 1.0)
    return Scores(exact=exact, cosine=cosine, qoa=qoa)


def _comparable(answer: str, reference: str) -> bool:
    """Whether a likeness of meaning says anything: not of other figures, opposites, denials and lists."""
    if (
        refuses(reference)
        or denies(answer) != denies(reference)
        or designators(answer) != designators(reference)
    ):
        return False
    if (
        names_others(answer, reference)
        or other_name(answer, reference)
        or concludes_otherwise(answer, reference)
    ):
        return False
    return not opposed(words_of(answer), words_of(reference))
