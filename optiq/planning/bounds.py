"""How many operations a budget allows (Opti-Q, section 3.2, Bounding the plan size)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.catalog import catalogs
from optiq.estimation.estimates import Topics, topic_weights
from optiq.plans.enumeration import check_operations
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import RESOURCE_NAMES
from optiq.questions.question import Budget, Kind
from optiq.statistics.snapshot import Statistics

FloatArray = NDArray[np.float64]

_FAR = 1024
"""Characters of the second question length that is looked up."""


@dataclass(frozen=True, slots=True)
class OperationBound:
    """The bound on operations, and the calls that each model alone could make within the budget.

    ``low`` and ``high`` are the ends of the paper's interval [min nᵢ, max nᵢ], within 1 and the cap.
    """

    max_operations: int
    low: int
    high: int
    calls: tuple[tuple[str, int], ...]


def bound_operations(
    statistics: Statistics,
    topics: Topics,
    kind: Kind | str,
    shape: PromptShape,
    models: Sequence[str],
    budget: Budget,
    cap: int,
    seed: int | None = None,
) -> OperationBound:
    """The largest number of operations that is worth planning for under ``budget``, at most ``cap``.

    Per model the number of calls is the smallest quotient of a limit and the model's own figure. The bound
    is the largest of these numbers; with ``seed`` it is drawn uniformly from between the smallest and the
    largest, as in the paper. Limits on latency are divided like the others, although calls may run side by
    side: a tight one rules out wide plans that might just meet it. An unknown figure, and a QoA floor, bound
    nothing.

    Raises :class:`~optiq.errors.InputError` if ``cap`` is not supported.
    """
    check_operations(cap)
    names = tuple(sorted(set(models)))
    each = _lone_calls(statistics, topic_weights(topics), kind, shape, names)
    limits = np.array([math.nan if v is None else v for v in budget.limits[: len(RESOURCE_NAMES)]])
    with np.errstate(invalid="ignore", divide="ignore"):
        # a limit that is a whole multiple of the figure must not lose a call to rounding
        allowed = np.floor(limits[:, None] / each * (1 + 1e-12))
    allowed = np.where(each > 0, allowed, np.nan)  # what is free or unknown bounds nothing
    numbers = np.fmin(np.fmin.reduce(allowed, axis=0), cap).astype(int).tolist()
    low, high = (min(max(number, 1), cap) for number in (min(numbers, default=1), max(numbers, default=1)))
    chosen = high if seed is None else random.Random(seed).randint(low, high)
    return OperationBound(chosen, low, high, tuple(zip(names, numbers, strict=True)))


def _lone_calls(
    statistics: Statistics,
    topics: tuple[tuple[str, float], ...],
    kind: Kind | str,
    shape: PromptShape,
    models: tuple[str, ...],
) -> FloatArray:
    """(3, models): what a lone call costs, weighted over the topics.

    It is a line in the length of the question, so that two lengths are looked up once for all questions.
    """
    if shape.question_tokens:
        return _looked_up(statistics, topics, kind, shape, models)
    kept = statistics.derived
    key = "lone calls", topics, str(kind), shape.bases, models
    if key not in kept:
        start, end = (
            _looked_up(statistics, topics, kind, replace(shape, question_chars=chars), models)
            for chars in (0, _FAR)
        )
        kept[key] = start, (end - start) / _FAR
    start, slope = kept[key]
    return start + slope * shape.question_chars


def _looked_up(
    statistics: Statistics,
    topics: tuple[tuple[str, float], ...],
    kind: Kind | str,
    shape: PromptShape,
    models: tuple[str, ...],
) -> FloatArray:
    found = np.zeros((len(RESOURCE_NAMES), len(models)))
    for (_, weight), catalog in zip(topics, catalogs(statistics, topics, kind, shape, None), strict=True):
        found += [
            [weight * catalog.lone(model, metric).value for model in models] for metric in RESOURCE_NAMES
        ]
    return found
