"""What planning does of itself against luck: limits that are likely kept, and no plan without a reason for it.

A plan that only just fits a limit on expected figures breaks it every other time, and of many plans with few runs the
one that looks best was lucky. So, unless a person says otherwise, limits hold with ``LIKELY`` where runs tell how
much they scatter; and the best single model within the limits is replaced only by what is better than it with a
probability that is stated (``gain_probability``). Both are bounds that plans are judged by
(:mod:`optiq.estimation.risk`), question by question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from optiq.estimation.catalog import price_tiers
from optiq.estimation.composition import usual
from optiq.estimation.estimates import Cautious, Confidence, topic_weights
from optiq.estimation.estimator import Estimator
from optiq.estimation.pool import Pool
from optiq.planning.choose import BoolArray, meets
from optiq.planning.items import BatchItem, planned_alike
from optiq.planning.lines import Lines, lines_of_plans
from optiq.planning.task import PlanningTask
from optiq.plans.plan import Plan
from optiq.questions.question import LIKELY, Budget

SPAN = 1000
"""Characters between the two lengths at which lone calls are estimated: what they take are lines in the length."""


@dataclass(frozen=True)
class Singles:
    """The models of a pool alone, the one that is best on any topic first."""

    lines: Lines
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Protection:
    """How sure planning over a ``pool`` is to be; the fields are those of :class:`~optiq.planning.Planning`."""

    estimator: Estimator
    pool: tuple[str, ...]
    safe_limits: bool
    gain_probability: float

    def judged_with(self, items: Sequence[BatchItem]) -> list[Confidence | None]:
        """What the plans of each item are judged with; None: by what is expected of them."""
        held = [self._held(item.budget) for item in items]
        found: list[Confidence | None] = list(held)
        if self.gain_probability <= 0.5:
            return found
        compared = [place for place, item in enumerate(items) if _quality_decides(item)]
        deviations = NormalDist().inv_cdf(self.gain_probability)
        for group in planned_alike(items, compared, held):
            best = _best_singles(self, [items[place] for place in group], held[group[0]])
            for place, name in zip(group, best, strict=True):
                if name is not None:
                    found[place] = replace(held[place] or Cautious(None), against=name, deviations=deviations)
        return found

    def _held(self, budget: Budget) -> Cautious | None:
        """How the limits are held; None where there are none on what is spent."""
        if not self.safe_limits or budget == Budget(min_qoa=budget.min_qoa):
            return None
        # each is left its part of what may go wrong (Bonferroni), so that together they hold so surely
        n = sum(limit is not None for limit in budget.limits[:-1])
        return Cautious(1 - (1 - LIKELY) / n, learned=True)


def _quality_decides(item: BatchItem) -> bool:
    """Whether the best answer is asked for, so that a better plan is taken at whatever price."""
    weights = item.weights
    return weights.first == "qoa" or (
        weights.first is None and (weights.worth_usd is not None or weights.qoa == 1)
    )


def _best_singles(
    protection: Protection, items: Sequence[BatchItem], held: Cautious | None
) -> list[str | None]:
    """Per item, planned alike, the single model that is best on any topic of those within its limits; None if none is.

    On any topic: on one of them a model may be ahead by luck.
    """
    singles = _singles(protection, items[0], held)
    if singles is None:
        return [None] * len(items)
    expected, judged = singles.lines.at(np.array([item.shape.question_chars for item in items]))
    figures = judged.transpose(2, 1, 0) * np.array([(*item.factors, 1.0) for item in items])[:, None, :]
    figures[..., -1] = expected[-1].T  # a floor is held for what is expected
    for number, item in enumerate(items):
        if item.shifts is not None and item.budget.min_qoa is not None:
            figures[number, :, -1] += item.shifts.among(singles.names)
    limits = np.array([item.budget.limits for item in items], dtype=np.float64)  # None becomes NaN
    within: BoolArray = np.all(meets(figures, limits[:, None, :]), axis=-1)
    best, able = within.argmax(axis=1).tolist(), np.any(within, axis=1).tolist()
    return [singles.names[at] if fits else None for at, fits in zip(best, able, strict=True)]


def _singles(protection: Protection, item: BatchItem, held: Cautious | None) -> Singles | None:
    """The models of the pool whose quality is known, once for questions that are planned alike; None: there are none.

    The mean over topics orders them: a question that was asked a hundred times does not count a hundred times there.
    """
    estimator, pool, shape = protection.estimator, protection.pool, item.shape
    templates = shape.bases, shape.context_chars, shape.blend_chars, shape.question_tokens
    tiers = [
        price_tiers(estimator.statistics, topic, item.kind, shape, pool)
        for topic, _ in topic_weights(item.topics)
    ]
    length = shape.question_chars if any(tiers) else None
    key = "singles", item.topics, str(item.kind), templates, pool, held, length
    if key not in estimator.derived:
        quality = {name: usual(estimator.statistics, item.kind, name) for name in pool}
        names = sorted(
            (name for name, value in quality.items() if not math.isnan(value)),
            key=lambda name: (-quality[name], name),
        )
        found = None
        if names:
            topics, alone = topic_weights(item.topics), Pool(tuple(sorted(names)), None)
            still = estimator.shifted(None)
            task = PlanningTask(still, topics, item.kind, shape, alone, 1, confidence=held)
            ends = (0, SPAN) if length is None else (length, length)
            lines = lines_of_plans(task, [Plan.of([name]) for name in names], *ends, moved=False)
            place = {lines.plan(at).models[0]: at for at in range(len(names))}
            found = Singles(lines.among(np.array([place[name] for name in names])), tuple(names))
        estimator.derived[key] = found
    kept: Singles | None = estimator.derived[key]
    return kept
