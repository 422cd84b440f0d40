"""How far single runs are from what is expected: learned from the variances and means of a snapshot.

Cost, latency and energy are taken as log-normal around what is expected. Two things are learned per task, and
drawn to documented defaults where little is known: ``within``, the variance of the logarithm of single runs of
one plan on one topic; and ``off``, by how much plans that had not run themselves were off, which is seen where
plans have run that rates and sub-plans can estimate, too. Of quality only the variance of single answers is
learned: it says how uncertain a mean of so many answers is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import Catalog
from optiq.estimation.composition import observations
from optiq.estimation.oracle import composed
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape, chars_per_token
from optiq.questions.metric import RESOURCE_NAMES
from optiq.questions.question import Kind
from optiq.statistics.snapshot import ANY_TOPIC, Record, Statistics

FloatArray = NDArray[np.float64]

DEFAULT_DEVIATION = 0.5
"""Where nothing is known: the logarithm of a run is off by so much (a third of runs by more than a factor 1.6)."""

DEFAULT_WITHIN_QOA = 0.2
"""Variance of single answers where nothing is known: that of right or wrong with 72 of 100 right."""

DEFAULT_RUNS = 2.0
"""So many runs, or plans, as the defaults weigh."""

SPREAD_STRENGTH = 10.0
"""So many runs of other plans as the pooled variance weighs against that of a plan itself."""

MOST = 500
"""Records by which the spread of runs is judged, and per class how far estimates were off: those that ran most."""

TYPICAL_CHARS = 300
"""Length of a question where no record says it."""

CLASSES = ("single", "chain", "blend")


def class_of(plan: Plan) -> int:
    """Which of :data:`CLASSES` a plan is of: one call, calls in a row, calls of which some blend."""
    return 0 if plan.k == 1 else 2 if plan.blend_nodes else 1


class Variance(NamedTuple):
    """A variance and on how many runs (0: the default)."""

    value: float
    n: float


class Off(NamedTuple):
    """Logarithm of observed over estimated for plans that had not run: mean (0 or more), variance, plans."""

    bias: float
    variance: float
    n: int


@dataclass(frozen=True)
class Spread:
    """What was learned for a task. ``within`` per metric, ``off`` per (class, metric), ``within_qoa``.

    ``runs`` holds per plan_key the judged answers on all topics, ``within_plan`` per (plan_key, metric)
    the variance of a plan's own runs on all topics, drawn to ``within``.
    """

    within: tuple[Variance, ...]
    within_plan: dict[tuple[str, int], Variance]
    off: tuple[tuple[Off, ...], ...]
    within_qoa: Variance
    runs: dict[str, float]

    def start(self, record: Record, metric: int) -> Variance:
        """What the variance of a plan's runs is drawn to: that of its runs on all topics, else of all plans'."""
        return self.within_plan.get((record.plan.key, metric), self.within[metric])

    def within_of(self, record: Record, metric: int, own: float) -> float:
        """The variance of the logarithm of single runs of a plan on a topic, of which ``own`` was observed there."""
        start = self.start(record, metric).value
        return start if math.isnan(own) else float(drawn_variance(start, own, independent(record) - 1))


def drawn_variance(start: FloatArray | float, own: FloatArray | float, n: FloatArray | float) -> Any:
    """An observed variance of ``n`` degrees of freedom, drawn to ``start``."""
    return (SPREAD_STRENGTH * start + n * own) / (SPREAD_STRENGTH + n)


def log_variance(mean: Any, variance: Any, slope: Any, chars_variance: Any) -> Any:
    """The variance of the logarithm that a mean and a variance stand for, without what the length explains.

    ``slope`` is what one more character of the question adds to the mean: estimates follow it. At least a tenth of the
    variance is left. Numbers or arrays; NaN where a mean or variance is not known.
    """
    explained = np.nan_to_num(slope**2 * chars_variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.maximum(variance - explained, 0.1 * variance)
        return np.where(mean > 0, np.log1p(left / mean**2), np.nan)


def independent(record: Record) -> float:
    """How many runs count: one per question, as answers to one question are much alike; all if nothing is told."""
    return min(observations(record), float(record.n_observations))


def between_questions(record: Record, metric: int) -> float:
    """The variance of a record's runs as if each were on a question of its own."""
    runs, n = independent(record), record.n_observations
    variance: float = getattr(record, f"var_{RESOURCE_NAMES[metric]}")
    return variance * (n - 1) / n * runs / (runs - 1) if runs > 1 else math.nan


def own_variance(catalog: Catalog, record: Record, metric: int) -> float:
    """The variance of the logarithm of a record's runs at one length; NaN if it holds fewer than two."""
    if independent(record) < 2:
        return math.nan
    mean, variance = getattr(record, RESOURCE_NAMES[metric]), between_questions(record, metric)
    slope = 0.0 if math.isnan(variance) else _slope(catalog, record, RESOURCE_NAMES[metric])
    return float(log_variance(mean, variance, slope, record.var_question_chars))


def _slope(catalog: Catalog, record: Record, metric: str) -> float:
    """What one more character of the question adds to a recorded mean (:meth:`Catalog.recorded`)."""
    if math.isnan(record.mean_question_chars) or math.isnan(record.var_question_chars):
        return 0.0
    per_char = 0.0
    for model in catalog.length_models(record, metric):
        per_char += catalog.rates(model, metric).prompt / chars_per_token(catalog.figures(model))
    if math.isnan(per_char):
        return 0.0
    then = per_char * record.mean_question_chars
    return per_char * (min(1.0, getattr(record, metric) / then) if then > 0 else 1.0)


def learn_spread(statistics: Statistics, topic: str, kind: Kind | str, shape: PromptShape) -> Spread:
    """What the snapshot says for a task; for questions without a topic from figures for any topic.

    Only the templates of ``shape`` count, not the question's length. Kept for as long as the snapshot lives.
    """
    any_topic = topic == ANY_TOPIC or not statistics.topics
    templates = replace(shape, question_chars=0, question_tokens=())
    key = "spread", any_topic, getattr(kind, "task", str(kind)), templates
    if key not in statistics.derived:
        scopes = (ANY_TOPIC,) if any_topic else statistics.topics
        statistics.derived[key] = _learn(statistics, scopes, kind, templates)
    found: Spread = statistics.derived[key]
    return found


def _learn(
    statistics: Statistics, scopes: tuple[str, ...], kind: Kind | str, templates: PromptShape
) -> Spread:
    known = _Known(statistics, scopes, kind, templates)
    within, within_plan = [], {}
    for metric in range(len(RESOURCE_NAMES)):
        total, runs = DEFAULT_RUNS * DEFAULT_DEVIATION**2, 0.0
        of_plan: dict[str, tuple[float, float]] = {}
        for scope, record in known.records[:MOST]:
            own = own_variance(known.catalog(scope), record, metric)
            if not math.isnan(own):
                n = independent(record) - 1
                total, runs = total + n * own, runs + n
                before = of_plan.get(record.plan.key, (0.0, 0.0))
                of_plan[record.plan.key] = before[0] + n * own, before[1] + n
        pooled = Variance(total / (DEFAULT_RUNS + runs), runs)
        within.append(pooled)
        for key, (scatter, n) in of_plan.items():
            within_plan[key, metric] = Variance(drawn_variance(pooled.value, scatter / n, n), runs)
    answers: dict[str, float] = {}
    total, runs = DEFAULT_RUNS * DEFAULT_WITHIN_QOA, 0.0
    for _, record in known.records:
        if not math.isnan(record.qoa):
            n = observations(record)
            answers[record.plan.key] = answers.get(record.plan.key, 0.0) + n
            if n > 1 and not math.isnan(record.var_qoa):
                total, runs = total + (n - 1) * record.var_qoa, runs + n - 1
    return Spread(
        tuple(within),
        within_plan,
        tuple(known.off(number, within) for number in range(len(CLASSES))),
        Variance(total / (DEFAULT_RUNS + runs), runs),
        answers,
    )


class _Known:
    """The records of a task on several topics, those that ran most first."""

    def __init__(
        self, statistics: Statistics, scopes: tuple[str, ...], kind: Kind | str, templates: PromptShape
    ) -> None:
        self.statistics, self.kind, self.templates = statistics, kind, templates
        found = [(scope, r) for scope in scopes for r in statistics.records(scope, kind).values()]
        self.records = sorted(found, key=lambda row: (-row[1].n_observations, row[1].plan.order, row[0]))
        self._catalogs: dict[str, Catalog] = {}

    def catalog(self, scope: str) -> Catalog:
        """The catalog of a topic, for questions of its mean length."""
        if scope not in self._catalogs:
            records = self.statistics.records(scope, self.kind).values()
            lengths = [r.mean_question_chars for r in records if not math.isnan(r.mean_question_chars)]
            chars = round(math.fsum(lengths) / len(lengths)) if lengths else TYPICAL_CHARS
            shape = replace(self.templates, question_chars=chars)
            self._catalogs[scope] = Catalog(self.statistics, scope, self.kind, shape, None)
        return self._catalogs[scope]

    def off(self, number: int, within: list[Variance]) -> tuple[Off, ...]:
        """How far estimates of plans of a class would have been off, had they not run."""
        found: list[list[tuple[float, float]]] = [[] for _ in RESOURCE_NAMES]
        for scope, record in [row for row in self.records if class_of(row[1].plan) == number][:MOST]:
            catalog = self.catalog(scope)
            for metric, figure in enumerate(composed(record.plan, catalog)):
                recorded = catalog.recorded(record, RESOURCE_NAMES[metric])
                if figure > 0 and recorded > 0:
                    found[metric].append((math.log(recorded / figure), max(independent(record), 1.0)))
        return tuple(_summed(ratios, one.value) for ratios, one in zip(found, within, strict=True))


def _summed(ratios: list[tuple[float, float]], within: float) -> Off:
    """Bias and variance of ``ratios`` (logarithm, runs), what single runs scatter taken off the variance."""
    n = len(ratios)
    bias = sum(ratio for ratio, _ in ratios) / (n + DEFAULT_RUNS)
    scatter = max(sum((ratio - bias) ** 2 - within / runs for ratio, runs in ratios), 0.0)
    variance = (DEFAULT_RUNS * DEFAULT_DEVIATION**2 + scatter) / (DEFAULT_RUNS + n)
    return Off(max(bias, 0.0), variance, n)
