"""Figures that say where they come from: of models and steps, and of whole plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, NamedTuple

from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES, RESOURCE_NAMES
from optiq.questions.question import parse_number
from optiq.statistics.snapshot import ANY_TOPIC

_figures: Callable[[Any], tuple[float, ...]] = attrgetter(*METRIC_NAMES)


class Figure(NamedTuple):
    """A value and where it comes from."""

    value: float
    source: str


class Step(NamedTuple):
    """QoA after a step: ``share`` · QoA before it + ``bonus``, within 0 to 1."""

    share: float
    bonus: float
    source: str

    def after(self, qoa: float) -> float:
        """The QoA after the step from ``qoa`` before it."""
        return clip(qoa * self.share + self.bonus)


def clip(qoa: float) -> float:
    """``qoa`` within 0 to 1; NaN stays NaN."""
    return qoa if math.isnan(qoa) else min(max(qoa, 0.0), 1.0)


class Source(NamedTuple):
    """Where a figure at a node comes from: ``exact n=12``, ``fuzzy 0.82 n=3``, ``prior: models.dev``."""

    node: int
    metric: str
    source: str


@dataclass(frozen=True, slots=True)
class Cautious:
    """A ``confidence`` (None: limits hold for what is expected) and a ``caution``: quality is judged at least so many
    standard deviations below what is expected, so that two lucky runs do not beat two hundred.

    ``learned``: limits hold with the confidence only where runs say how much they scatter, else for what is expected.
    ``against`` names a model: plans are compared with it alone, and their quality is judged so many standard deviations
    *of the difference* lower, its own not at all. With either, neither ``caution`` nor confidence moves a quality.
    """

    confidence: float | None
    caution: float = 0.0
    learned: bool = False
    against: str | None = None
    deviations: float = 0.0


Confidence = float | Cautious
"""The probability with which limits are to hold; with a caution, both."""


def cautious(confidence: float | None, caution: float) -> Confidence | None:
    """What plans are judged with; None where that is what is expected of them.

    Raises :class:`~optiq.errors.InputError` for a caution below 0.
    """
    if not 0 <= caution < math.inf:
        raise InputError(f"caution is {caution:g}", "Give standard deviations from 0 up, such as 0.5.")
    return Cautious(confidence, caution) if caution else confidence


def probability_of(confidence: Confidence | None) -> float | None:
    """The probability with which limits are to hold; None: they hold for what is expected."""
    return confidence.confidence if isinstance(confidence, Cautious) else confidence


def uncompared(confidence: Confidence | None) -> Confidence | None:
    """The same without a model that plans are compared with; None where nothing is left."""
    if not isinstance(confidence, Cautious) or confidence.against is None:
        return confidence
    left = replace(confidence, against=None, deviations=0.0)
    return None if left.confidence is None and not left.caution else left


def is_told(confidence: Confidence) -> bool:
    """Whether bounds are shown: not where plans are only compared with a model and no limit is held."""
    return not (isinstance(confidence, Cautious) and confidence.confidence is None and not confidence.caution)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the figures of a plan keep within with probability ``confidence``: see :mod:`optiq.estimation.risk`.

    What a run spends (cost, latency, energy) is at most, the mean QoA at least what is given; NaN where unknown.
    """

    confidence: Confidence
    cost_usd: float
    latency_s: float
    energy_j: float
    qoa: float
    provenance: tuple[Source, ...] = field(default=(), compare=False, kw_only=True)

    @property
    def metrics(self) -> tuple[float, ...]:
        """The bounds in the order of :data:`optiq.questions.metric.METRICS`."""
        return _figures(self)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Expected USD, seconds, joules and QoA (0 to 1) of one plan on one question; NaN where unknown.

    ``bounds`` are what the figures keep within with a chosen probability, None if none was chosen.
    ``provenance`` is empty when many plans were estimated at once; :func:`optiq.estimation.estimate` has it.
    """

    plan: Plan
    cost_usd: float
    latency_s: float
    energy_j: float
    qoa: float
    provenance: tuple[Source, ...] = field(default=(), compare=False, kw_only=True)
    bounds: Bounds | None = field(default=None, kw_only=True)

    @classmethod
    def of(
        cls,
        plan: Plan,
        figures: Sequence[float],
        bounds: Sequence[float] | None = None,
        confidence: Confidence | None = None,
    ) -> Estimate:
        """An estimate of figures and, if a confidence was chosen, bounds, each in the order of METRICS."""
        found: Any = figures
        held: Any = bounds
        kept = None if held is None or confidence is None else Bounds(confidence, *held)
        return cls(plan, *found, bounds=kept)

    def times(self, factors: tuple[float, ...]) -> Estimate:
        """The same for a question that takes of each resource so many times what its topics say."""
        if all(factor == 1 for factor in factors):
            return self
        told = {
            metric: f"; looks ×{factor:g}"
            for metric, factor in zip(RESOURCE_NAMES, factors, strict=True)
            if factor != 1
        }
        answer = self.plan.k - 1
        sources = (
            row._replace(source=row.source + told[row.metric])
            if row.node == answer and row.metric in told
            else row
            for row in self.provenance
        )
        bounds = self.bounds
        if bounds is not None:
            bounds = replace(bounds, **_times(bounds, factors))
        return replace(self, **_times(self, factors), provenance=tuple(sources), bounds=bounds)

    @property
    def judged(self) -> tuple[float, ...]:
        """What limits hold for and plans are compared by: the bounds if there are any, else the figures."""
        return self.metrics if self.bounds is None else self.bounds.metrics

    @property
    def metrics(self) -> tuple[float, ...]:
        """The figures in the order of :data:`optiq.questions.metric.METRICS`."""
        return _figures(self)

    def to_dict(self) -> dict[str, Any]:
        """The plan object of ``optiq plan --json``; unknown figures are None."""
        found: dict[str, Any] = {"plan": self.plan.to_dict(), "plan_key": self.plan.key}
        for metric in METRIC_NAMES:
            value = getattr(self, metric)
            found[f"predicted_{metric}"] = None if math.isnan(value) else value
        sources = self.provenance
        if self.bounds is not None and is_told(self.bounds.confidence):
            found["confidence"] = probability_of(self.bounds.confidence)
            for metric, value in zip(METRIC_NAMES, self.bounds.metrics, strict=True):
                found[f"bound_{metric}"] = None if math.isnan(value) else value
            sources += self.bounds.provenance
        found["provenance"] = [source._asdict() for source in sources]
        return found


def _times(figures: Estimate | Bounds, factors: Sequence[float]) -> dict[str, Any]:
    return {
        name: getattr(figures, name) * factor for name, factor in zip(RESOURCE_NAMES, factors, strict=True)
    }


Topics = Iterable[tuple[str, float] | str]


def topic_weights(topics: Topics) -> tuple[tuple[str, float], ...]:
    """Topics with weights that sum to 1, sorted by name, so that their order changes nothing.

    A bare name weighs as much as the others. No topics at all means figures for any topic.
    """
    weights: dict[str, float] = {}
    for item in topics:
        name, weight = (item, 1.0) if isinstance(item, str) else item
        number = parse_number(weight, f"the weight of topic {name!r}")
        if number < 0:
            raise InputError(f"topic {name!r} has the weight {number:g}", "Give topic weights from 0 up.")
        weights[name] = weights.get(name, 0.0) + number
    if not weights:
        return ((ANY_TOPIC, 1.0),)
    total = math.fsum(weights.values())
    if total == 0:
        raise InputError("all topic weights are 0", "Give at least one topic a weight above 0.")
    return tuple((name, weights[name] / total) for name in sorted(weights) if weights[name] > 0)


def combine(topics: Sequence[tuple[str, float]], parts: Sequence[Estimate]) -> Estimate:
    """The weighted mean of the estimates of one plan on several topics (section 4.2, topic conditioning).

    A figure that is unknown on one of the topics is unknown: a mean over the others would compare plans on
    different questions.
    """
    plan = parts[0].plan
    bounds, sources = _combined_bounds(topics, parts), _sources(topics, [part.provenance for part in parts])
    found = Estimate.of(plan, _weighted(topics, [part.metrics for part in parts]))
    return replace(found, provenance=sources, bounds=bounds)


def _weighted(topics: Sequence[tuple[str, float]], figures: Sequence[Sequence[float]]) -> list[float]:
    return [
        sum(weight * part[i] for (_, weight), part in zip(topics, figures, strict=True))
        for i in range(len(METRIC_NAMES))
    ]


def _combined_bounds(topics: Sequence[tuple[str, float]], parts: Sequence[Estimate]) -> Bounds | None:
    """The weighted mean of the bounds on several topics."""
    bounds = [part.bounds for part in parts if part.bounds is not None]
    if len(bounds) < len(parts):
        return None
    held: Any = _weighted(topics, [part.metrics for part in bounds])
    sources = _sources(topics, [part.provenance for part in bounds])
    return Bounds(bounds[0].confidence, *held, provenance=sources)


def _sources(topics: Sequence[tuple[str, float]], parts: Sequence[tuple[Source, ...]]) -> tuple[Source, ...]:
    """The sources on each topic; one text where they are the same."""
    sources = []
    for rows in zip(*parts, strict=True):
        texts = [row.source for row in rows]
        same = len(set(texts)) == 1
        text = texts[0] if same else " | ".join(f"{t}: {s}" for (t, _), s in zip(topics, texts, strict=True))
        sources.append(Source(rows[0].node, rows[0].metric, text))
    return tuple(sources)
