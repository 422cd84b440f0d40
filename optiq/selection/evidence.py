"""What has been seen: the outcome of every run of a combination on an example."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class RoleCalls(NamedTuple):
    """The answered calls that a run made for one role, added up; None where one of them did not tell."""

    calls: int
    latency_s: float | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None


class Run(NamedTuple):
    """One run that a method asks for. ``trial`` above 0 repeats it, for how much accuracy fluctuates."""

    combination: int
    example: int
    trial: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave. ``score`` is 0 to 1, and 0 if it failed: then ``error`` says why.

    ``lost``: it failed for a reason that is not the agent's, so that the score says nothing.

    ``cost_usd`` and ``latency_s`` are None where they are not known. ``role_cost_usd`` splits the cost by role,
    in role order, where calls could be attributed; ``role_calls`` has what these calls took. ``calls`` is how many
    model calls were seen, if they were counted.
    """

    score: float
    cost_usd: float | None = None
    latency_s: float | None = None
    error: str | None = None
    role_cost_usd: tuple[float | None, ...] | None = None
    calls: int | None = None
    lost: bool = False
    role_calls: tuple[RoleCalls, ...] | None = None


class Evidence:
    """Outcomes as arrays, combinations by examples; NaN where nothing was run or a figure is not known.

    A failed run counts as wrong: its score is 0. One that was ``lost`` for a reason that is not the agent's is not
    scored: it stands at the mean of its combination's others. Repeated runs (trial above 0) are kept apart in
    ``repeats``, so that no example counts twice.
    """

    def __init__(self, combinations: int, examples: int, roles: int) -> None:
        shape = (combinations, examples)
        self.score = np.full(shape, np.nan)
        self.cost_usd = np.full(shape, np.nan)
        self.latency_s = np.full(shape, np.nan)
        self.failed = np.zeros(shape, dtype=bool)
        self.lost = np.zeros(shape, dtype=bool)
        self.called = np.zeros(shape, dtype=bool)
        self.role_cost_usd = np.full((*shape, roles), np.nan)
        self.role_calls: dict[tuple[int, int], tuple[RoleCalls, ...]] = {}
        self.repeats: dict[tuple[int, int], dict[int, float]] = defaultdict(dict)

    def add(self, run: Run, outcome: Outcome) -> None:
        """Take in one outcome."""
        if run.trial:
            self.repeats[run.combination, run.trial][run.example] = outcome.score
            return
        at = run.combination, run.example
        self.score[at] = outcome.score
        self.failed[at] = outcome.error is not None
        self.lost[at] = outcome.lost
        if (lost := self.lost[run.combination]).any():
            scored = self.score[run.combination][~lost]
            known = scored[~np.isnan(scored)]
            self.score[run.combination, lost] = known.mean() if known.size else 0.0
        self.called[at] = outcome.calls != 0
        for array, value in ((self.cost_usd, outcome.cost_usd), (self.latency_s, outcome.latency_s)):
            array[at] = np.nan if value is None else value
        if outcome.role_calls is not None:
            self.role_calls[at] = outcome.role_calls
        if outcome.role_cost_usd is not None:
            self.role_cost_usd[at] = [np.nan if cost is None else cost for cost in outcome.role_cost_usd]

    def has(self, run: Run) -> bool:
        """Whether the outcome is known already."""
        if run.trial:
            return run.example in self.repeats.get((run.combination, run.trial), {})
        return bool(~np.isnan(self.score[run.combination, run.example]))

    @property
    def done(self) -> np.ndarray:
        """Which runs are known: (combinations, examples) booleans."""
        return ~np.isnan(self.score)

    @property
    def counts(self) -> np.ndarray:
        """Runs per combination, repeats not counted."""
        return self.done.sum(axis=1)

    @property
    def runs(self) -> int:
        """All runs, repeats counted."""
        return int(self.counts.sum()) + sum(len(scores) for scores in self.repeats.values())

    @property
    def accuracy(self) -> np.ndarray:
        """Mean score per combination; NaN where nothing was run."""
        return mean_of_known(self.score)

    @property
    def mean_cost_usd(self) -> np.ndarray:
        """Mean cost per combination; NaN unless every run that succeeded has one: unknown is not free.

        Nor is a combination free of which no run was seen to call a model: its calls go where nobody looks.
        """
        return np.where(self.called.any(axis=1), self._mean_if_complete(self.cost_usd), np.nan)

    @property
    def mean_latency_s(self) -> np.ndarray:
        """Mean latency per combination; NaN unless every run that succeeded has one."""
        return self._mean_if_complete(self.latency_s)

    def _mean_if_complete(self, figures: np.ndarray) -> np.ndarray:
        unknown = (self.done & ~self.failed & np.isnan(figures)).any(axis=1)
        return np.where(unknown, np.nan, mean_of_known(figures))

    def fluctuation(self, combination: int, first: bool = True) -> tuple[float, int]:
        """Standard deviation of a combination's accuracy from one run over all examples to the next, and its runs.

        By the spread of each example's own scores, so that examples may be repeated in part; 0 if none was. The
        ``first`` run is one of the repeated or not.
        """
        trials = [scores for (place, _), scores in sorted(self.repeats.items()) if place == combination]
        table = np.full((len(trials) + first, self.score.shape[1]), np.nan)
        if first:
            table[0] = self.score[combination]
        for number, scores in enumerate(trials, start=int(first)):
            table[number, list(scores)] = list(scores.values())
        known = ~np.isnan(table)
        repeated = table[:, known.sum(axis=0) > 1]
        if not repeated.size:
            return 0.0, 0
        return float(np.sqrt(np.nanvar(repeated, axis=0, ddof=1).mean() / len(known[0]))), int(known.sum())


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Means over examples (axis 1) of what is not NaN; NaN where there is none."""
    known = ~np.isnan(values)
    counts = known.sum(axis=1)
    totals = np.where(known, values, 0.0).sum(axis=1)
    return np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
