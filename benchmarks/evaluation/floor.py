"""How wrong even the truth would seem: the error of an estimator that knows the true mean of every group.

Errors are measured against means of a few held-out questions per (topic, plan), and those means scatter by
themselves. The true means stay unknown, but their scatter does not: it is drawn from what is left of the observed
values after their group's mean (scaled up for the mean that was taken from the same values).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes

DRAWS = 20_000

BINARY = 0.7
"""From this share of zeros and ones on scores count as right or wrong; means of repeated runs lie between."""


def noise_floors(
    outcomes: Outcomes, rows: IntArray, seed: int, repeats: int
) -> tuple[list[float], list[float]]:
    """Mean absolute errors of the true means on groups of all ``rows``, and on groups of one half of them.

    Two ways of drawing: from the residuals of all groups, and for right-or-wrong scores by chances with the mean and
    the variance of the groups' (a beta distribution). The former is a little low: repeated runs and even chances are
    mixed in it.
    """
    groups = _groups(outcomes, rows)
    whole = [len(values) for values in groups]
    half: list[int] = []
    for repeat in range(repeats):
        fold_of = split(outcomes.questions, 2, seed + repeat)[rows]
        half += [len(v) for number in (0, 1) for v in _groups(outcomes, rows[fold_of == number])]
    ways = [_by_residuals]
    if np.isin(np.concatenate(groups), (0.0, 1.0)).mean() > BINARY:
        ways.append(_by_chances)
    errors = [way(groups, np.random.default_rng(seed)) for way in ways]
    return (
        [float(np.mean([error(n) for n in whole])) for error in errors],
        [float(np.mean([error(n) for n in half])) for error in errors],
    )


def _by_residuals(groups: list[FloatArray], generator: np.random.Generator) -> Callable[[int], float]:
    left = np.concatenate(
        [(v - v.mean()) * np.sqrt(len(v) / (len(v) - 1)) for v in groups if len(v) > 1] or [np.zeros(1)]
    )
    return cache(lambda n: float(np.abs(generator.choice(left, (DRAWS, n)).mean(axis=1)).mean()))


def _by_chances(groups: list[FloatArray], generator: np.random.Generator) -> Callable[[int], float]:
    means, n = np.array([v.mean() for v in groups]), np.array([len(v) for v in groups])
    within = sum(float(((v - v.mean()) ** 2).sum()) for v in groups) / max(float((n - 1).sum()), 1.0)
    middle = float(means.mean())
    between = max(float(((means - middle) ** 2).mean() - (within / n).mean()), 1e-4)
    scale = max(middle * (1 - middle) / between - 1, 1e-3)
    chance = generator.beta(middle * scale, (1 - middle) * scale, DRAWS)
    return cache(lambda n: float(np.abs(generator.binomial(n, chance) / n - chance).mean()))


def _groups(outcomes: Outcomes, rows: IntArray) -> list[FloatArray]:
    """Observed qualities per (topic, plan)."""
    topics = np.array([asked.topics[0][0] if asked.topics else "" for asked in outcomes.questions])[rows]
    found = []
    for topic in sorted(set(topics.tolist())):
        qoa = outcomes.qoa[rows[topics == topic]]
        for p in np.flatnonzero((~np.isnan(qoa)).any(axis=0)):
            found.append(qoa[~np.isnan(qoa[:, p]), p])
    return found
