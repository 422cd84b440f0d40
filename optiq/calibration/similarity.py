"""How alike two plans are before either has run: what one says about the other.

Of two plans, the model that gives the answer counts most, then all the models that take part, then the
topology. Models are alike if their published figures are; so a new model starts as what its neighbours are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optiq.plans.plan import Plan
from optiq.questions.metric import RESOURCES
from optiq.statistics.snapshot import ANY_TOPIC, Statistics

FloatArray = NDArray[np.float64]

SINK, PARTS, SHAPE, OWN = 0.4, 0.25, 0.15, 0.2
"""Shares of a plan's effect: of its last model, of all its models, of its topology, of nothing else. Sum 1."""

_FIGURES = tuple(metric.token_rates[1] for metric in RESOURCES)
_QOA_SCALE = 0.15
_LOG_SCALE = math.log(4.0)  # four times the price is as far away as 0.15 QoA
_APART = 0.2  # of two models of which nothing is known to compare


def model_similarity(statistics: Statistics, models: Sequence[str]) -> FloatArray:
    """(models, models): 1 on the diagonal, towards 0 for models whose published figures differ."""
    rows = [_traits(statistics, model) for model in models]
    found = np.eye(len(rows))
    for i, one in enumerate(rows):
        for j in range(i):
            gaps = [a - b for a, b in zip(one, rows[j], strict=True) if not math.isnan(a - b)]
            near = math.exp(-0.5 * math.fsum(gap * gap for gap in gaps) / len(gaps)) if gaps else _APART
            found[i, j] = found[j, i] = min(near, 0.9)
    return found


def plan_similarity(plans: Sequence[Plan], models: Sequence[str], alike: FloatArray) -> FloatArray:
    """(plans, plans): a covariance with 1 on the diagonal; ``alike`` compares ``models``."""
    place = {model: i for i, model in enumerate(models)}
    last = np.array([place[plan.models[plan.sink]] for plan in plans], dtype=np.intp)
    bags = np.zeros((len(plans), len(models)))
    for row, plan in enumerate(plans):
        for model in plan.models:
            bags[row, place[model]] += 1.0
    shared = bags @ alike @ bags.T
    norm = np.sqrt(np.diag(shared))
    shapes = [plan.key.split(":", 2)[:2] for plan in plans]
    names = sorted({tuple(shape) for shape in shapes})
    shape = np.array([names.index(tuple(item)) for item in shapes])
    return (
        SINK * alike[np.ix_(last, last)]
        + PARTS * shared / np.outer(norm, norm)
        + SHAPE * (shape[:, None] == shape[None, :])
        + OWN * np.eye(len(plans))
    )


def _traits(statistics: Statistics, model: str) -> list[float]:
    """Published figures on scales where a distance of 1 is far."""
    figures = statistics.figures(model, ANY_TOPIC, "open")
    found = []
    for name in _FIGURES:
        value = getattr(figures, name)
        found.append(math.log(value) / _LOG_SCALE if value > 0 else math.nan)
    for task in ("open", "choice"):
        found.append(statistics.figures(model, ANY_TOPIC, task).qoa / _QOA_SCALE)
    return found
