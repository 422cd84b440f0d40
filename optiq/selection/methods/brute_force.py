"""Brute force: every combination on every example. Exact, and the dearest."""

from __future__ import annotations

from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method


class BruteForce(Method):
    """Examples in turn over all combinations, so that a run that is broken off has equal evidence."""

    name = "brute-force"

    def ask(self, evidence: Evidence) -> list[Run]:
        """All of it at once: nothing that comes out changes what is run, and a batch ends when its slowest run does."""
        everyone = range(len(self.space))
        return [run for example in self.problem.order for run in self.fresh(evidence, everyone, [example])]
