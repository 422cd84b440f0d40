"""What methods share: runs that are still to do, and the ranking by plain evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from optiq.errors import InputError
from optiq.selection.evidence import Evidence, Run, mean_of_known
from optiq.selection.intervals import accuracy_bounds, standard_errors
from optiq.selection.protocol import Problem, Ranking


class Method:
    """Base of the methods that come with Optiq. A method of another package needs only the protocol."""

    name = ""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.space = problem.space
        self.eliminated = np.zeros(len(problem.space), dtype=bool)

    def fresh(
        self, evidence: Evidence, combinations: Iterable[int], examples: Sequence[int], trial: int = 0
    ) -> list[Run]:
        """The runs of ``combinations`` on ``examples`` that are not in ``evidence``, in that order."""
        runs = (Run(place, example, trial) for place in combinations for example in examples)
        return [run for run in runs if not evidence.has(run)]

    def values(self, evidence: Evidence) -> np.ndarray:
        """What each combination is worth on what was seen of it: higher is better; NaN if not known."""
        if self.problem.objective.kind == "cheapest":
            return -evidence.mean_cost_usd
        rewards = self.problem.objective.rewards(evidence)
        unknown = (evidence.done & np.isnan(rewards)).any(axis=1)
        return np.where(unknown, np.nan, mean_of_known(rewards))

    def floor(self, evidence: Evidence) -> float | None:
        """The accuracy that the objective asks for.

        With ``cheapest`` and no floor given, the best accuracy of combinations that use one model throughout,
        of those run on all examples; of all combinations if there are none of one model.
        """
        objective = self.problem.objective
        if objective.kind != "cheapest":
            return objective.min_accuracy
        if objective.floor is not None:
            return max(objective.floor, objective.min_accuracy or 0.0)
        full = evidence.counts == self.problem.n_examples
        same = [place for place in self.space.same_model() if full[place]] or np.flatnonzero(full).tolist()
        return float(evidence.accuracy[same].max()) if same else None

    def ranking(self, evidence: Evidence) -> Ranking:
        """By mean among those with the most evidence; others compete with their lower bound only.

        The bound is that of the mean over the whole data set (95 %), so that nobody wins by having been
        run on few examples.
        """
        value = self.values(evidence)
        if self.problem.objective.kind != "cheapest":
            short = evidence.counts < evidence.counts.max(initial=0)
            errors = standard_errors(self.problem.objective.rewards(evidence))
            value = np.where(short, value - 1.96 * np.where(np.isfinite(errors), errors, 0.0), value)
        return self.rank_by(evidence, value)

    def rank_by(self, evidence: Evidence, value: np.ndarray, note: str = "") -> Ranking:
        """Order those that may win by ``value``; of equals who is on the frontier comes first.

        Who is worth the same on the same examples is equal, whatever a model of all combinations makes of it. What
        was run more comes first, then what is more accurate, cheaper (known before unknown), faster, the place.
        """
        value = _rounded(self._levelled(evidence, value))
        floor = self.floor(evidence)
        unmet = self.problem.objective.unmet(evidence)
        enough = self.surely_above(evidence, floor)
        may_win = [
            place
            for place in range(len(self.space))
            if unmet[place] is None
            and enough[place]
            and not self.eliminated[place]
            and not np.isnan(value[place])
        ]
        cost, latency = (
            np.nan_to_num(figures, nan=np.inf)
            for figures in (evidence.mean_cost_usd, evidence.mean_latency_s)
        )
        counts, accuracy = evidence.counts, _rounded(evidence.accuracy)
        order = sorted(may_win, key=lambda c: (-value[c], -counts[c], -accuracy[c], cost[c], latency[c], c))
        low, high = accuracy_bounds(evidence)
        return Ranking(tuple(order), value, low, high, self.eliminated.copy(), floor, note)

    def _levelled(self, evidence: Evidence, value: np.ndarray) -> np.ndarray:
        """``value``, the best of it for all that are worth the same on the same examples."""
        levelled = value.copy()
        best: dict[tuple[float, bytes], float] = {}
        worth = _rounded(self.values(evidence)).tolist()
        known = np.flatnonzero(~np.isnan(value)).tolist()
        keys = {c: (worth[c], evidence.done[c].tobytes()) for c in known}
        for c in known:
            best[keys[c]] = max(value[c], best.get(keys[c], -np.inf))
        for c in known:
            levelled[c] = best[keys[c]]
        return levelled

    def surely_above(self, evidence: Evidence, floor: float | None) -> np.ndarray:
        """Whether each combination's accuracy meets ``floor``: its mean if run in full, else its lower bound."""
        if floor is None:
            return np.ones(len(self.space), dtype=bool)
        short = evidence.counts < self.problem.n_examples
        errors = np.where(short, standard_errors(evidence.score), 0.0)
        accuracy = np.nan_to_num(evidence.accuracy, nan=-1.0)
        errors = np.where(np.isfinite(errors), errors, 0.0)
        return accuracy - 1.96 * errors >= floor - 1e-12


def _rounded(figures: np.ndarray) -> np.ndarray:
    """Twelve digits of each: in which order a mean was summed is no reason to choose."""
    mantissa, exponent = np.frexp(figures)
    return np.ldexp(np.round(mantissa * 2.0**40) / 2.0**40, exponent)


def share_of(name: str, value: float) -> float:
    """``value`` as a share above 0 and up to 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not 0 < number <= 1:
        raise InputError(f"{name} is {value!r}", f"Give {name} as a share above 0 and up to 1.")
    return number
