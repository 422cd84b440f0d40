"""What a person asks and what it may cost: question, budget, weights (Opti-Q, section 3.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any

from optiq.errors import InputError
from optiq.questions.metric import LIMITS, METRICS, QOA


class Kind(StrEnum):
    """The form of an answer: how it is asked for, how long it may get, how it is read and judged.

    ``open`` (also called ``short``) is a fact in a few words, ``long`` free text, ``number`` a figure with its unit,
    ``code`` a program, ``json`` a JSON value; ``choice`` is one of the options and ``multi`` several.
    """

    OPEN = "open"
    CHOICE = "choice"
    MULTI = "multi"
    LONG = "long"
    NUMBER = "number"
    CODE = "code"
    JSON = "json"

    @classmethod
    def _missing_(cls, value: object) -> Kind | None:
        return cls.OPEN if value == "short" else None

    @property
    def shown(self) -> str:
        """How people are told of it."""
        return "short" if self is Kind.OPEN else str(self.value)

    @property
    def has_options(self) -> bool:
        """Whether the answer is chosen from options."""
        return self in (Kind.CHOICE, Kind.MULTI)

    @property
    def task(self) -> str:
        """The grain of statistics: ``choice`` for one option and several, else the form itself.

        Figures, long answers, code and JSON cost other tokens than facts, and are other skills.
        """
        return "choice" if self.has_options else str(self.value)


TASKS = tuple(dict.fromkeys(kind.task for kind in Kind))
"""Every task that statistics tell apart."""

NEXT_TASK = {"number": "open"}
"""The task whose figures stand in where one has none of its own: facts and figures are asked for and judged alike."""


def parse_number(value: Any, name: str, wanted: str = "a number, such as 0.5") -> float:
    """``value`` as a finite float; :class:`InputError` names the field otherwise, and what is ``wanted``."""
    if isinstance(value, bool):
        raise InputError(f"{name} is {value!r}, not a number", f"Give {name} as {wanted}.")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {value!r}, not a number", f"Give {name} as {wanted}.") from None
    if not math.isfinite(number):
        raise InputError(
            f"{name} is {value!r}", f"Give {name} as a finite number, or leave it out for no limit."
        )
    return number


def parse_share(text: str | None, name: str) -> float:
    """``5%`` or ``0.05`` as a share from 0 to 1; 0 where nothing is given. :class:`InputError` names the field."""
    if text is None:
        return 0.0
    percent = str(text).strip().endswith("%")
    number = parse_number(str(text).strip().removesuffix("%").strip(), name) / (100 if percent else 1)
    if not 0 <= number <= 1:
        raise InputError(f"{name} is {text}", f"Give {name} as a share from 0 to 1, such as 5% or 0.05.")
    return number


LIKELY = 0.95
"""The probability with which the limits of a question hold together where runs tell how much they scatter."""

_limits_of = attrgetter(*LIMITS)  # batches ask for the limits of many thousand questions


@dataclass(frozen=True, slots=True)
class Budget:
    """Hard limits on one question. ``None`` means no limit.

    Every limit bounds an objective, so the feasible part of a frontier is the frontier of the feasible
    plans.
    """

    max_cost_usd: float | None = None
    max_latency_s: float | None = None
    max_energy_j: float | None = None
    min_qoa: float | None = None

    def __post_init__(self) -> None:
        for name, value in zip(LIMITS, self.limits, strict=True):
            if value is None:
                continue
            number = parse_number(value, name)
            if number < 0:
                raise InputError(f"{name} is {number:g}", f"Give {name} as a number from 0 up.")
            if name == QOA.limit and number > 1:
                raise InputError(
                    f"min_qoa is {number:g}", "QoA runs from 0 to 1: give a floor in that range."
                )
            object.__setattr__(self, name, number)

    @property
    def limits(self) -> tuple[float | None, ...]:
        """The limit on each of :data:`~optiq.questions.metric.METRICS`, in their order."""
        found: tuple[float | None, ...] = _limits_of(self)
        return found

    def override(self, other: Budget) -> Budget:
        """This budget with every limit that ``other`` sets put in its place."""
        given = {name: limit for name, limit in zip(LIMITS, other.limits, strict=True) if limit is not None}
        return replace(self, **given)

    def over(self, factors: Sequence[float]) -> Budget:
        """The limits on what is spent by a question that needs so many times what others do of each resource."""
        if all(factor == 1 for factor in factors):
            return self
        limits = zip(LIMITS[:-1], self.limits[:-1], factors, strict=True)
        return replace(
            self, **{name: None if limit is None else limit / factor for name, limit, factor in limits}
        )

    def describe(self) -> str:
        """One readable line, ``no limits`` if there are none."""
        parts = [
            f"{metric.title} {'≤' if metric.is_resource else '≥'} {limit:.6g} {metric.unit}".rstrip()
            for metric, limit in zip(METRICS, self.limits, strict=True)
            if limit is not None
        ]
        return ", ".join(parts) or "no limits"


NEAR = 0.02
"""QoAs that differ by no more are near ties: so uncertain is a mean of 500 answers of which 72 of 100 are right."""

WEIGHTED = tuple(metric.word for metric in METRICS)
_weights_of = attrgetter(*WEIGHTED)


@dataclass(frozen=True, slots=True)
class Weights:
    """Preference between objectives; used only to choose from a frontier. They sum to 1.

    With ``worth_usd`` the four count for nothing: it says what a right answer (QoA 1) is worth more than a wrong
    one (QoA 0), in USD, and of the plans within the limits the one is taken that yields the most for its cost,
    ``worth_usd`` · QoA − cost.

    ``first`` says that one metric comes before all others (the weights count for nothing): ``qoa`` takes the best
    answer, and the cheapest of those whose QoA is as good within :data:`NEAR`; ``cost`` the cheapest plan.
    """

    cost: float = 0.25
    latency: float = 0.25
    energy: float = 0.25
    qoa: float = 0.25
    worth_usd: float | None = None
    first: str | None = None

    def __post_init__(self) -> None:
        if self.first not in (None, "qoa", "cost"):
            raise InputError(f"{self.first!r} cannot come first", "Give qoa or cost.")
        for name in WEIGHTED:
            number = parse_number(getattr(self, name), f"weight {name}")
            if number < 0:
                raise InputError(f"weight {name} is {number:g}", "Give weights from 0 up that sum to 1.")
            object.__setattr__(self, name, number)
        if self.worth_usd is not None:
            worth = parse_number(self.worth_usd, "worth")
            if worth <= 0:
                raise InputError(
                    f"worth is {worth:g}",
                    "Say what a right answer is worth in USD, above 0: --weights worth=0.002.",
                )
            object.__setattr__(self, "worth_usd", worth)
        total = sum(self.parts)
        if abs(total - 1) > 1e-6:
            raise InputError(
                f"weights sum to {total:g}, not 1",
                "Give weights that sum to 1, such as cost=0.2,latency=0.1,energy=0.1,qoa=0.6.",
            )

    def describe(self) -> str:
        """One line for people."""
        if self.first == "qoa":
            return f"the best answer; the cheapest of those within {NEAR:g} QoA of it"
        if self.first == "cost":
            return "the cheapest plan; the best of those"
        if self.worth_usd is not None:
            return f"a right answer is worth {self.worth_usd:g} USD"
        return ", ".join(f"{metric.title} {part:g}" for metric, part in zip(METRICS, self.parts, strict=True))

    @property
    def parts(self) -> tuple[float, ...]:
        """The weight of each of :data:`~optiq.questions.metric.METRICS`, in their order."""
        found: tuple[float, ...] = _weights_of(self)
        return found

    @classmethod
    def parse(cls, text: str) -> Weights:
        """Read ``cost=0.2,latency=0.1,energy=0.1,qoa=0.6`` (weights left out are 0), ``worth=0.002`` or a word.

        The words are those of :data:`PREFERENCES`.
        """
        if text.strip() in PREFERENCES:
            return PREFERENCES[text.strip()]
        known = (*WEIGHTED, "worth")
        given: dict[str, float] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, _, value = part.partition("=")
            name = name.strip()
            if name not in known:
                words = ", ".join(PREFERENCES)
                raise InputError(
                    f"unknown weight {name!r}", f"Weights are {', '.join(known)}; or give one word: {words}."
                )
            if name in given:
                raise InputError(f"weight {name!r} is given twice", "Give each weight once.")
            given[name] = parse_number(value.strip(), f"weight {name}")
        if "worth" in given:
            if len(given) > 1:
                raise InputError(
                    "worth is given beside weights", "Give either worth=USD or weights that sum to 1."
                )
            return cls(worth_usd=given["worth"])
        parts: dict[str, Any] = {name: given.get(name, 0.0) for name in WEIGHTED}
        return cls(**parts)


BEST_ANSWER = Weights(0, 0, 0, 1, first="qoa")
PREFERENCES = {
    "quality": BEST_ANSWER,
    "balanced": Weights(),
    "equal": Weights(),
    "cheap": Weights(cost=0.6, latency=0.05, energy=0.05, qoa=0.3),
    "fast": Weights(cost=0.05, latency=0.6, energy=0.05, qoa=0.3),
    "cheapest": Weights(1, 0, 0, 0, first="cost"),
}
"""Preferences by the words for them."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request says of how it is to be answered: by which model (None: any), how long, how freely.

    A question with wishes is asked in its own words, and what the model writes is the answer. ``messages`` are those
    of a chat as JSON text, which a model that is asked first is told as they stand; ``url`` is what was asked.
    """

    model: str | None = None
    max_output_tokens: int | None = None
    temperature: float = 0.0
    messages: str | None = None
    url: str | None = None


FOUND, SHIPPED = "found", "shipped"


@dataclass(frozen=True, slots=True)
class About:
    """What a question without a topic is about: a ``topic``, and its ``source``.

    :data:`FOUND`: it was found in past questions; :data:`SHIPPED`: it comes with Opti-Q.
    """

    topic: str
    source: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question, as read from a file or a command line.

    ``topics`` are (topic, weight) with weights that sum to 1; empty means not yet assigned.
    ``options`` are the choices in their order, shown as A, B, C, … ``reference`` is the gold answer:
    text for open questions, option letter(s) or option text otherwise. ``topics_inferred``: a topic model
    assigned the topics, they were not given with the question; nothing is learned about topics from those.
    ``about`` is shown and reported of a question without topics; plans do not hear it.
    ``wishes`` are those of a request that it came as. ``schema`` is the JSON schema of a JSON answer, as text.
    """

    question_id: str
    text: str
    topics: tuple[tuple[str, float], ...] = ()
    options: tuple[str, ...] = ()
    kind: Kind = Kind.OPEN
    reference: str | None = None
    budget: Budget = field(default_factory=Budget)
    topics_inferred: bool = False
    about: About | None = None
    wishes: Wishes | None = None
    schema: str | None = None

    @property
    def topic_names(self) -> tuple[str, ...]:
        """The topics without their weights."""
        return tuple(name for name, _ in self.topics)

    @property
    def shown_topics(self) -> tuple[tuple[str, float], ...]:
        """The topics, else what it is about."""
        return self.topics or (() if self.about is None else ((self.about.topic, 1.0),))
