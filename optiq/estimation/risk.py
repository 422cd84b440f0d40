"""Figures that hold with a chosen probability: quantiles of cost, latency and energy, a lower bound of QoA.

Cost, latency and energy of the one run that is planned are below their bound with the probability given. The
bound of QoA is one of the plan's *mean* on the topic: single answers are often right or wrong, and a quantile
of those would say nothing. A bound never promises more than the expected figure does.

As the bounds are the expected figures times a factor, or less a deviation, that do not depend on the question's
length, they are lines where those are, and what holds for planning on expected figures holds for bounds.
:mod:`optiq.estimation.risk_arrays` gives the same for many plans; a test holds the two equal.
"""

from __future__ import annotations

import math
from functools import cached_property
from statistics import NormalDist
from typing import Any

from optiq.errors import InputError
from optiq.estimation.catalog import Catalog
from optiq.estimation.composition import observations
from optiq.estimation.estimates import Bounds, Cautious, Confidence, Estimate, Source
from optiq.estimation.spread import Spread, class_of, independent, learn_spread, own_variance
from optiq.plans.plan import Plan
from optiq.questions.metric import RESOURCE_NAMES
from optiq.questions.question import parse_number
from optiq.statistics.snapshot import ANY_TOPIC, GUESS, Record


def parse_confidence(value: object, name: str) -> float:
    """``value`` as a probability between 0 and 1; :class:`~optiq.errors.InputError` names what cannot be one."""
    number = parse_number(value, name)
    if not 0 < number < 1:
        raise InputError(
            f"{name} is {number:g}",
            "Give a probability between 0 and 1, such as 0.95, or leave it out: limits then hold for expected figures.",
        )
    return number


CERTAIN = -1e9
"""A quantile so low that the bound of what a run spends is what is expected of it."""


def heavy_quantile(probability: float) -> float:
    """The quantile of Student's t with 4 degrees of freedom, scaled to a variance of 1.

    Logarithms of recorded costs and latencies have kurtoses of 4 to 13: within 19 of 20 runs they stay nearer
    than a normal distribution of their variance says, and beyond that stray farther. (Closed form, Shaw 2006.)
    """
    alpha = 4 * probability * (1 - probability)
    root = math.sqrt(alpha)
    found = 2 * math.sqrt(max(math.cos(math.acos(min(root, 1.0)) / 3) / root - 1, 0.0))
    return math.copysign(found, probability - 0.5) / math.sqrt(2)


class Risk:
    """The bounds of plans on one topic.

    ``start_answers`` and ``part_answers`` are an estimator's (:class:`~optiq.estimation.estimator.Estimator`): so many
    answers as that weighs which a plan's quality is drawn to, and as what its parts say.
    """

    def __init__(
        self, catalog: Catalog, confidence: Confidence, start_answers: float, part_answers: float = 0.0
    ) -> None:
        self.catalog = catalog
        self.confidence = confidence
        sure = confidence if isinstance(confidence, Cautious) else Cautious(confidence)
        self.sure = sure
        self.z, self.heavy = sure.caution, CERTAIN
        if sure.confidence is not None:
            self.z = 0.0 if sure.learned else max(NormalDist().inv_cdf(sure.confidence), sure.caution)
            self.heavy = heavy_quantile(sure.confidence)
        self._variances: dict[str, float] = {}
        self.strength, self.part_answers = start_answers, part_answers

    @cached_property
    def spread(self) -> Spread:
        """What the snapshot says of the task."""
        return learn_spread(
            self.catalog.statistics, self.catalog.topic, self.catalog.kind, self.catalog.shape
        )

    def bound(self, estimate: Estimate) -> Bounds:
        """The bounds of an estimate on the topic, with where their widths come from; QoA not yet cut to 0 and above."""
        plan, qoa = estimate.plan, estimate.qoa
        spent = [value * self.factor(plan, metric) for metric, value in enumerate(estimate.metrics[:-1])]
        sources = (
            []
            if self.heavy == CERTAIN
            else [
                Source(plan.sink, f"bound_{name}", self.source(plan, m))
                for m, name in enumerate(RESOURCE_NAMES)
            ]
        )
        sources.append(Source(plan.sink, "bound_qoa", self.source_of_qoa(plan)))
        if not math.isnan(qoa):
            qoa -= self.lowered(plan)
        held: Any = [*spent, qoa]
        return Bounds(self.confidence, *held, provenance=tuple(sources))

    # --- cost, latency, energy ---------------------------------------------------------------------------

    def record(self, plan: Plan, metric: int) -> Record | None:
        """The plan's own record on the topic, if it holds the metric."""
        own = self.catalog.records.get(plan.key)
        return None if own is None or math.isnan(getattr(own, RESOURCE_NAMES[metric])) else own

    def holds(self, metric: int) -> bool:
        """Whether the bound of a metric is more than what is expected."""
        return self.heavy != CERTAIN and (not self.sure.learned or self.spread.within[metric].n > 0)

    def factor(self, plan: Plan, metric: int) -> float:
        """The bound over the expected figure."""
        if not self.holds(metric):
            return 1.0
        own = self.record(plan, metric)
        return self.unrun_factor(class_of(plan), metric) if own is None else self.run_factor(own, metric)

    def within(self, record: Record, metric: int) -> float:
        """The variance of the logarithm of single runs of a plan on the topic."""
        return self.spread.within_of(record, metric, own_variance(self.catalog, record, metric))

    def run_factor(self, record: Record, metric: int) -> float:
        """The same for a plan that ran: the quantile of one more run, its mean known from so many."""
        within = self.within(record, metric)
        return self._factor(0.0, within, within / max(independent(record), 1.0))

    def unrun_factor(self, number: int, metric: int) -> float:
        """The same for plans of a class that did not run: as after one run, or wider if such plans were off by more."""
        if not self.holds(metric):
            return 1.0
        within, off = self.spread.within[metric].value, self.spread.off[number][metric]
        return self._factor(off.bias, within, max(off.variance, within))

    def _factor(self, bias: float, within: float, of_mean: float) -> float:
        # the mean of a log-normal lies above its median by half the variance
        return max(math.exp(bias - within / 2 + self.heavy * math.sqrt(within + of_mean)), 1.0)

    def source(self, plan: Plan, metric: int) -> str:
        """Where the width of the bound of a metric comes from."""
        if not self.holds(metric):
            return "as expected: no runs tell how much they scatter"
        own = self.record(plan, metric)
        pooled = self.spread.within[metric]
        if own is not None:
            text = f"spread {math.sqrt(self.within(own, metric)):.2f} of n={independent(own):g}"
            return text + (
                f", drawn to {pooled.n:g} runs of all plans" if pooled.n else ", by default: none known"
            )
        off = self.spread.off[class_of(plan)][metric]
        text = f"never run: spread {math.sqrt(pooled.value):.2f} of "
        text += f"{pooled.n:g} runs of all plans" if pooled.n else "no run (default)"
        wide = f"{math.sqrt(max(off.variance, pooled.value)):.2f}"
        return text + (
            f", estimate off by {wide} (n={off.n})" if off.n else f", estimate off by {wide} (default)"
        )

    # --- quality -----------------------------------------------------------------------------------------

    def margin(self, variance: float) -> float:
        """By how much the bound lies below the mean."""
        return max(self.z, 0.0) * math.sqrt(variance)

    def lowered(self, plan: Plan) -> float:
        """The same of a plan: of its difference to the model that it is compared with, if it is."""
        if self.sure.against is not None:
            return self.sure.deviations * math.sqrt(self.variance_against(plan, self.sure.against))
        return self.margin(self.variance(plan))

    def variance_against(self, plan: Plan, model: str) -> float:
        """How uncertain the difference between the mean QoA of a plan and that of ``model`` alone is.

        What they have in common does not count; by how much a plan of several calls differs from its parts does.
        """
        parts = math.fsum(self.gap(name, model) for name in plan.models) / plan.k
        return parts**2 + (0.0 if plan.k == 1 else self.own_gap(self.answers(plan)))

    def gap(self, name: str, model: str) -> float:
        """The standard deviation of the difference between two models alone; they were asked apart."""
        return 0.0 if name == model else math.sqrt(self.variance_of(name) + self.variance_of(model))

    def own_gap(self, answers: float) -> float:
        """The variance of what a plan of so many answers is more than its parts."""
        return self.spread.within_qoa.value / max(answers + self.part_answers, 1.0)

    def variance(self, plan: Plan) -> float:
        """How uncertain the mean QoA of a plan on the topic is: by its own answers, and by its parts."""
        if plan.k == 1:
            return self.variance_of(plan.models[0])
        parts = math.fsum(self.variance_of(model) for model in plan.models) / plan.k
        return self.drawn(self.answers(plan), parts)

    def variance_of(self, model: str) -> float:
        """The same for a model alone, whose start is what it did on all topics."""
        if model not in self._variances:
            plan = Plan.of([model])
            answers = self.spread.runs.get(plan.key, 0.0) + (self.strength if self._published(model) else 0.0)
            self._variances[model] = self.drawn(
                self.answers(plan), self.spread.within_qoa.value / max(answers, 1.0)
            )
        return self._variances[model]

    def _published(self, model: str) -> bool:
        """Whether a quality of ``model`` was published, so that few answers are not all that is known."""
        statistics, kind = self.catalog.statistics, self.catalog.kind
        known = statistics.figures(model, ANY_TOPIC, kind)
        source = statistics.source(model, ANY_TOPIC, kind, ["qoa"])
        if math.isnan(known.qoa) or GUESS in source:
            return False
        return not known.n_observations or "prior" in source

    def drawn(self, n: float, start: float) -> float:
        """The variance of a mean of ``n`` answers that is drawn to a start of variance ``start``."""
        total = n + self.strength
        pull = self.strength / total if total else 1.0
        return self.spread.within_qoa.value / max(total, 1.0) + pull**2 * start

    def answers(self, plan: Plan) -> float:
        """Judged answers of the plan on the topic."""
        own = self.record_of_qoa(plan)
        return 0.0 if own is None else observations(own)

    def record_of_qoa(self, plan: Plan) -> Record | None:
        """The plan's own record, if it holds a quality."""
        own = self.catalog.records.get(plan.key)
        return None if own is None or math.isnan(own.qoa) else own

    def source_of_qoa(self, plan: Plan) -> str:
        """Where the width of the bound of QoA comes from."""
        if (model := self.sure.against) is not None:
            if plan == Plan.of([model]):
                return "the best single model: what others are compared with"
            gap = math.sqrt(self.variance_against(plan, model))
            return f"difference to {model} ± {gap:.3f} from n={self.answers(plan):g}"
        if self.sure.learned:
            return "as expected"
        text = f"mean ± {math.sqrt(self.variance(plan)):.3f} from n={self.answers(plan):g}"
        pooled = self.spread.within_qoa
        return text + ("" if pooled.n else ", spread of answers by default: none known")
