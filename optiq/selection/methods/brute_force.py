"""Brute force: every combination on every example. Exact, and the dearest."""

from __future__ import annotations

from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method


class BruteForce(Method):
    """Examples in turn over all combinations, so that a run that is broken off has equal evidence."""

    name = "brute-force"

    def ask(self, evidence: Evidence) -> list[Run]:
        """One piece of the examples for all combinations."""
        order = self.problem.order
        for start in range(0, len(order), 16):
            if runs := self.fresh(evidence, range(len(self.space)), order[start : start + 16]):
                return runs
        return []
