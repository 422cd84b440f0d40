"""Bootstrap intervals of means per question, paired where two policies answered the same questions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optiq.evaluation.outcomes import FloatArray

RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean with the bounds between which it lies with the chosen confidence; NaN if nothing is known."""

    mean: float
    low: float
    high: float


def interval(values: FloatArray, seed: int = 0, level: float = 0.95) -> Interval:
    """The mean of ``values`` (one per question, NaN left out) and its bootstrap interval."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(np.nan, np.nan, np.nan)
    generator = np.random.default_rng(seed)
    # in slices, so that thousands of questions do not take gigabytes
    means = np.concatenate(
        [
            known[generator.integers(len(known), size=(RESAMPLES // 20, len(known)))].mean(axis=1)
            for _ in range(20)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(known.mean()), float(low), float(high))


def paired(values: FloatArray, reference: FloatArray, seed: int = 0, level: float = 0.95) -> Interval:
    """How much ``values`` are above ``reference`` on the questions that have both."""
    return interval(values - reference, seed, level)
