"""What methods share that run a combination on all examples before they look at the next."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method


class FullEvaluation(Method, ABC):
    """Asks for one combination at a time, in full; :meth:`next_combination` says which."""

    def ask(self, evidence: Evidence) -> list[Run]:
        """The rest of the combination in progress, or all of the next."""
        while (place := self.next_combination(evidence)) is not None:
            if runs := self.fresh(evidence, [place], self.problem.order):
                return runs
        return []

    @abstractmethod
    def next_combination(self, evidence: Evidence) -> int | None:
        """A combination that is not in ``evidence`` yet; None when the search is over."""

    def examined(self, evidence: Evidence) -> np.ndarray:
        """Which combinations were run on all examples."""
        return evidence.counts == self.problem.n_examples

    def fitness(self, evidence: Evidence) -> np.ndarray:
        """One number to climb on, higher is better; NaN where not examined in full.

        With ``cheapest``: who meets the floor counts 1 + the share of the greatest cost that is saved, who does
        not counts how near it comes. A broken limit or an unknown figure is worse than any accuracy.
        """
        full = self.examined(evidence)
        objective = self.problem.objective
        unmet = objective.unmet(evidence)
        if objective.kind == "cheapest":
            floor = self.floor(evidence) or 0.0
            cost = evidence.mean_cost_usd
            most = max(float(np.nanmax(np.where(full, cost, np.nan), initial=0.0)), 1e-300)
            meets = evidence.accuracy >= floor - 1e-12
            value = np.where(meets, 2.0 - cost / most, evidence.accuracy - floor)
        else:
            value = self.values(evidence)
        broken = np.array([reason not in (None, "not run") for reason in unmet])
        value = np.where(broken | np.isnan(value), -10.0 + np.nan_to_num(evidence.accuracy), value)
        return np.where(full, value, np.nan)
