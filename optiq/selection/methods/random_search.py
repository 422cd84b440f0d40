"""Random search: some combinations, drawn without looking, on every example."""

from __future__ import annotations

import math

import numpy as np

from optiq.selection.evidence import Evidence, Run
from optiq.selection.methods.base import Method, share_of
from optiq.selection.protocol import Problem


class RandomSearch(Method):
    """Evaluates ``share`` of the combinations (rounded up), a quarter as in AgentOpt's appendix A."""

    name = "random"

    def __init__(self, problem: Problem, share: float = 0.25) -> None:
        super().__init__(problem)
        count = math.ceil(share_of("share", share) * len(self.space))
        drawn = np.random.default_rng(problem.seed).choice(len(self.space), count, replace=False)
        self.drawn: list[int] = sorted(drawn.tolist())

    def ask(self, evidence: Evidence) -> list[Run]:
        """All of it at once."""
        return self.fresh(evidence, self.drawn, self.problem.order)
