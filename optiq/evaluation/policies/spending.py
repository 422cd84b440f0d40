"""A total for a whole batch: which plan per question yields most when the costs of all together are limited.

Each question offers plans with a gain and a cost; one is taken of each. Taking the plan with the highest
``gain - worth * cost`` everywhere, at one worth of money for the whole batch, is the best choice there is for what it
costs (Everett 1963); the least worth that keeps the total is found by halving, and what is left of the total is spent
on the questions where more money yields most. All figures are expectations: nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optiq.evaluation.outcomes import FloatArray

HALVINGS = 45


def spend(gains: Sequence[FloatArray], costs: Sequence[FloatArray], total: float) -> list[int]:
    """Per question the place of the plan to take, so that the costs add up to ``total`` at most.

    ``gains`` and ``costs`` hold one array per question, all of at least one plan. Where even the cheapest plans cost
    more than the total, they are what is returned.
    """
    if not gains:
        return []
    widest = max(len(row) for row in gains)
    gain = np.full((len(gains), widest), -np.inf)
    cost = np.full((len(gains), widest), np.inf)
    for q, (one, other) in enumerate(zip(gains, costs, strict=True)):
        gain[q, : len(one)], cost[q, : len(other)] = one, other
    every, there = np.arange(len(gain)), np.isfinite(cost)
    priced = np.where(there, cost, 0.0)

    def at(worth: float) -> FloatArray:
        score = np.where(there, gain - worth * priced, -np.inf)
        # of equal ones the cheapest, then the first
        best = score >= score.max(axis=1, keepdims=True) - 1e-12
        return np.asarray(np.where(best, cost, np.inf).argmin(axis=1))

    def spent(picked: FloatArray) -> float:
        return float(cost[every, picked].sum())

    dear = at(0.0)
    if spent(dear) <= total:
        return [int(p) for p in dear]
    cheap = np.where(cost == cost.min(axis=1, keepdims=True), gain, -np.inf).argmax(axis=1)
    if spent(cheap) > total:
        return [int(p) for p in cheap]
    low, high = 0.0, 1.0
    span = np.ptp(gain[np.isfinite(gain)])
    steps = np.diff(np.unique(cost[np.isfinite(cost)]))
    if len(steps) and span > 0:
        high = 2 * float(span) / float(steps.min())  # dearer than this, no gain is worth the smallest step
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        picked = at(middle)
        if spent(picked) <= total:
            high, cheap = middle, picked
        else:
            low, dear = middle, picked
    more = gain[every, dear] - gain[every, cheap]
    price = cost[every, dear] - cost[every, cheap]
    left = total - spent(cheap)
    taken = cheap.copy()
    for q in np.lexsort((every, -more / np.maximum(price, 1e-300))):
        if 0 < price[q] <= left and more[q] > 0:
            taken[q], left = dear[q], left - price[q]
    return [int(p) for p in taken]
