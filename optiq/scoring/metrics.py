"""Metrics of an answer by name: those of Optiq, those of other packages, and functions of one's own.

A metric is called with the answer, one reference and the question, and gives 0 to 1, or None where it does not apply.

==============  ========================================================================================
``rule``        how Optiq judges short answers and figures (:mod:`optiq.scoring.judging`)
``exact``       the same once normalised
``numeric``     the figure of the reference; None unless the reference is one
``containment`` the words of the reference, undenied
``set-overlap`` Jaccard similarity of the members of two lists, in any order
``token-f1``    harmonic mean of precision and recall of words, as SQuAD has it
``rouge-l``     F1 of the longest common subsequence of words (Lin, 2004)
``cosine``      of the all-MiniLM-L6-v2 embeddings, as the paper has it
``json-match``  share of the fields of two JSON values that agree
``tests``       1 if the program passes the reference, which is its tests (:mod:`optiq.scoring.program_tests`)
``judge``       a served model's grade (:mod:`optiq.scoring.judge`); asked by a run, not here
==============  ========================================================================================
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optiq.errors import ConfigurationError, OptiqWarning
from optiq.extensions.built_in import QUALITY_METRICS
from optiq.extensions.own_code import own_module
from optiq.questions.question import Kind, Question
from optiq.scoring.forms import same_fields
from optiq.scoring.numbers import numeric_equality
from optiq.scoring.text import containment, exact_match, items_of, normalise

Metric = Callable[[str, str, Question], "float | None"]

RULE, COSINE, JUDGE, TESTS = "rule", "cosine", "judge", "tests"
DEFAULTS: Mapping[Kind, str] = {
    Kind.OPEN: RULE,
    Kind.NUMBER: RULE,
    Kind.CHOICE: "exact",
    Kind.MULTI: "set-overlap",
    Kind.LONG: COSINE,
    Kind.CODE: COSINE,
    Kind.JSON: "json-match",
}
"""The metric that is the QoA of each form, where nobody names another."""

# Thai to Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_ALSO: Mapping[Kind, tuple[str, ...]] = {Kind.LONG: ("token-f1", "rouge-l"), Kind.CODE: ("token-f1",)}
"""What is stored besides, of forms whose answers are more than a fact."""


def exact(answer: str, reference: str, question: Question) -> float:
    """1.0 if both are the same once normalised."""
    return exact_match(answer, reference)


def numeric(answer: str, reference: str, question: Question) -> float | None:
    """1.0 if the answer states the figure of the reference; None unless that is one."""
    return numeric_equality(answer, reference, question.text)


def contained(answer: str, reference: str, question: Question) -> float:
    """1.0 if the answer names the reference."""
    return containment(answer, reference)


def set_overlap(answer: str, reference: str, question: Question) -> float:
    """Jaccard similarity of the members of two enumerations; one thing is an enumeration of one."""
    given, wanted = (
        set(items_of(text)) or {frozenset(normalise(text).split())} for text in (answer, reference)
    )
    return len(given & wanted) / len(given | wanted)


def token_f1(answer: str, reference: str, question: Question) -> float:
    """F1 of the words of both, each counted as often as it occurs (Rajpurkar et al., 2016)."""
    given, wanted = (Counter(_words(text)) for text in (answer, reference))
    return _f1(sum((given & wanted).values()), sum(given.values()), sum(wanted.values()))


def rouge_l(answer: str, reference: str, question: Question) -> float:
    """F1 of the longest common subsequence of words (Lin, 2004, ROUGE-L with beta 1)."""
    from rapidfuzz.distance import LCSseq

    given, wanted = _words(answer), _words(reference)
    return _f1(int(LCSseq.similarity(given, wanted)), len(given), len(wanted))


def json_match(answer: str, reference: str, question: Question) -> float:
    """Share of the fields that agree."""
    return same_fields(answer, reference)


def cosine(answer: str, reference: str, question: Question) -> float | None:
    """Cosine of the embeddings, cut to 0 to 1; None without the package of the model."""
    from optiq.text import embedding

    if not embedding.available():
        return None
    one, other = embedding.embed([answer, reference])
    return min(max(float(one @ other), 0.0), 1.0)


def judge(answer: str, reference: str, question: Question) -> float | None:
    """None: a grade is another model's call, which a run makes (:mod:`optiq.scoring.judge`)."""
    return None


def tests(answer: str, reference: str, question: Question) -> float | None:
    """1.0 if the program ``answer`` passes the tests ``reference``. :class:`Metrics` asks only where it is allowed.

    Raises :class:`~optiq.scoring.program_tests.NothingTested` for a reference that tests nothing.
    """
    from optiq.scoring.program_tests import passes

    return passes(answer, reference, question.text)


def _words(text: str) -> list[str]:
    """Of a script that is written without spaces, every letter is a word."""
    return _UNSPACED.sub(r" \g<0> ", normalise(text)).split()


def _f1(shared: int, given: int, wanted: int) -> float:
    return 2 * shared / (given + wanted) if shared else 0.0


@dataclass(frozen=True, slots=True)
class Metrics:
    """Which metric is the QoA of which form: ``named`` are pairs of form (empty: every form) and metric."""

    named: tuple[tuple[str, str], ...] = ()
    runs_programs: bool = False
    _faults: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def of(self, kind: Kind) -> str:
        """The name of the metric of ``kind``."""
        by_form = dict(self.named)
        return by_form.get(kind.value) or by_form.get(kind.shown) or by_form.get("") or DEFAULTS[kind]

    def chosen(self, kind: Kind) -> str | None:
        """The metric of ``kind`` if somebody named another than the usual one."""
        name = self.of(kind)
        return None if name == DEFAULTS[kind] else name

    def check(self) -> None:
        """Load each metric; :class:`~optiq.errors.OptiqError` for one that does not exist."""
        for _, name in self.named:
            metric_named(name)

    def others(self, question: Question, answer: str, references: Sequence[str]) -> dict[str, float]:
        """Scores by name besides the usual ones: the best over the references."""
        names = dict.fromkeys((*_ALSO.get(question.kind, ()), *filter(None, [self.chosen(question.kind)])))
        found = {}
        for name in names:
            values = [self._value(name, answer, reference, question) for reference in references]
            known = [value for value in values if value is not None]
            if known:
                found[name] = max(known)
        return found

    def _value(self, name: str, answer: str, reference: str, question: Question) -> float | None:
        """What the metric says; a fault of it is warned of once, and leaves the answer unjudged."""
        if name == TESTS and not self.runs_programs:
            return self._fault(name, "runs programs that models wrote, which nobody allowed (--run-programs)")
        try:
            value = metric_named(name)(answer, reference, question)
        except ConfigurationError:
            raise
        except Exception as fault:  # somebody else's function: it may raise anything
            return self._fault(name, f"raised {type(fault).__name__}: {fault}")
        if value is None:
            return None
        if isinstance(value, bool):
            return float(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            return self._fault(name, f"gave {value!r}, no number")
        if math.isnan(number) or not 0.0 <= number <= 1.0:
            return self._fault(name, f"gave {number:g}, not between 0 and 1")
        return number

    def _fault(self, name: str, why: str) -> float | None:
        if name not in self._faults:
            self._faults[name] = why
            warnings.warn(f"the metric {name} {why}: such answers stay unjudged", OptiqWarning, stacklevel=3)
        return None


USUAL = Metrics()


def metric_named(name: str) -> Metric:
    """A metric by its name or as ``module:function``.

    Raises
    ------
    UnknownName
        for a name that nobody registered.
    ConfigurationError
        if a function of one's own cannot be imported, or is none.
    """
    if ":" not in name:
        return _checked(name, QUALITY_METRICS.load(name))
    module, _, attribute = name.partition(":")
    try:
        found: Any = own_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as fault:  # it runs somebody else's module
        raise ConfigurationError(
            f"the metric {name} cannot be imported: {type(fault).__name__}: {fault}",
            "Give module:function of a module that Python finds, or one of "
            + ", ".join(QUALITY_METRICS.names()),
        ) from fault
    return _checked(name, found)


def _checked(name: str, found: Any) -> Metric:
    if not callable(found):
        raise ConfigurationError(
            f"the metric {name} is no function", "Give a function of an answer, a reference and a question."
        )
    return found  # type: ignore[no-any-return]
