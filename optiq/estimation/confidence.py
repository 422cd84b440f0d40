"""How probable it is that an answer is right, from what can be seen of it: calibrated on judged answers.

Seen are the log probability of an output (per model) and the share of the other models of a plan that gave the same
answer. Each is turned into a probability by isotonic regression: the more likely an output, the more often it was
right, and nothing more is assumed. Blocks of fewer than ten answers are joined; a block's interval is Jeffreys' (90 %).
Below fifty judged answers nothing is said.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from optiq.plans.plan import Plan

FEWEST = 50
"""Judged answers from which on there is a confidence."""

_SMALLEST_BLOCK = 10
ANY_MODEL = "*"
AGREEMENT, MEAN, LEAST = "agreement", "logprob_mean", "logprob_least"


class Confidence(NamedTuple):
    """Probability that an answer is right, and the bounds of its 90 % interval."""

    probability: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Block:
    """Answers whose signal is at least ``least``, up to the next block's: ``n`` of them, ``right`` of them right."""

    least: float
    n: int
    right: int

    @property
    def confidence(self) -> Confidence:
        """The block's rate, drawn a little to one half, and Jeffreys' interval."""
        from scipy.special import betaincinv

        a, b = self.right + 0.5, self.n - self.right + 0.5
        low, high = betaincinv(a, b, [0.05, 0.95])
        return Confidence(a / (a + b), float(low), float(high))


def calibrated(signal: Sequence[float], right: Sequence[bool]) -> list[Block]:
    """Blocks in ascending order, with ascending rates; none below :data:`FEWEST` answers, or if all are alike."""
    if len(signal) < FEWEST or len(set(signal)) < 2 or len(set(right)) < 2:
        return []
    import numpy as np
    from scipy.optimize import isotonic_regression

    order = sorted(range(len(signal)), key=lambda i: signal[i])
    values = [signal[i] for i in order]
    hits = [int(right[i]) for i in order]
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    rates = np.bincount(place, hits) / counts  # of equal signals one rate
    fitted = isotonic_regression(rates, weights=counts).x[place]
    blocks: list[Block] = []
    previous: float | None = None
    for value, hit, level in zip(values, hits, fitted, strict=True):
        last = blocks[-1] if blocks else None
        if last is not None and (level == previous or last.n < _SMALLEST_BLOCK or value == last.least):
            blocks[-1] = Block(last.least, last.n + 1, last.right + hit)
        else:
            blocks.append(Block(value, 1, hit))
        previous = float(level)
    if len(blocks) > 1 and blocks[-1].n < _SMALLEST_BLOCK:
        last = blocks.pop()
        blocks[-1] = Block(blocks[-1].least, blocks[-1].n + last.n, blocks[-1].right + last.right)
    return blocks


def told_apart(signal: Sequence[float], right: Sequence[bool]) -> float:
    """The area under the curve: how often a right answer has the higher signal of a right and a wrong one."""
    ranked = sorted(range(len(signal)), key=lambda i: signal[i])
    ranks = {}
    place = 0
    while place < len(ranked):
        end = place
        while end < len(ranked) and signal[ranked[end]] == signal[ranked[place]]:
            end += 1
        for i in ranked[place:end]:
            ranks[i] = (place + end + 1) / 2
        place = end
    n_right = sum(right)
    n_wrong = len(right) - n_right
    if not n_right or not n_wrong:
        return 0.5
    total = sum(ranks[i] for i in range(len(right)) if right[i])
    return (total - n_right * (n_right + 1) / 2) / (n_right * n_wrong)


class Row(NamedTuple):
    """A block as PerfDB keeps it."""

    model: str
    task: str
    signal: str
    least: float
    probability: float
    low: float
    high: float


class Confidences:
    """What PerfDB has calibrated, by model, task and signal."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._blocks: dict[tuple[str, str], dict[str, list[Row]]] = {}
        for row in sorted(rows, key=lambda row: row.least):
            self._blocks.setdefault((row.model, row.task), {}).setdefault(row.signal, []).append(row)

    def of(self, plan: Plan, task: str, seen: Mapping[str, float | None]) -> Confidence | None:
        """The confidence in an answer of ``plan``; several models' agreement says more than one's own words."""
        for model, signals in ((ANY_MODEL, (AGREEMENT,)), (plan.models[plan.sink], (MEAN, LEAST))):
            known = self._blocks.get((model, task), {})
            for signal in signals:
                value, blocks = seen.get(signal), known.get(signal)
                if value is not None and blocks:
                    place = max(bisect.bisect_right([block.least for block in blocks], value) - 1, 0)
                    found = blocks[place]
                    return Confidence(found.probability, found.low, found.high)
        return None
