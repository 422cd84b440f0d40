"""Outcomes per example that add up to a published table, correlated as real ones are.

A table gives each combination's accuracy on the data set; which examples it got right is not published.
They are drawn: every combination has a latent ease for every example, and gets the easiest right, as many as its
accuracy says (the last one in part, so that its mean is exactly that of the table).

The latent ease is the sum of normal variables: one per example, common to all combinations (share
``COMMON``), one per example and model in a role (share ``PER_ROLE`` for each role), and the combination's own. On the
14 benchmarks x 9 models of LLMRouter's published outcomes (ulab-uiuc/LLMRouter) right-or-wrong of two models
correlates by 0.27 on average (0.02 to 0.79 by benchmark), which is a latent 0.41; executions of two-node plans
that the Opti-Q authors published correlate by 0.35, and by 0.48 where they share the last model. ``independent``
draws have neither share: no real data look like that, but nothing is easier to state.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from optiq.selection.space import Space

COMMON = 0.4
PER_ROLE = 0.2
EXAMPLES = {"gpqa": 198, "bfcl": 200, "hotpotqa": 199, "mathqa": 200}
"""Sizes of the data sets (AgentOpt, section 6.1)."""

PUBLISHED = Path(__file__).parent / "published"


@dataclass(frozen=True)
class PublishedTable:
    """One table of appendix A: per combination accuracy, mean latency in seconds, mean cost per example."""

    name: str
    space: Space
    accuracy: np.ndarray
    latency_s: np.ndarray
    cost_usd: np.ndarray
    n_examples: int

    @classmethod
    def read(cls, name: str) -> PublishedTable:
        """The table of a benchmark in ``EXAMPLES``."""
        with (PUBLISHED / f"{name}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        roles = [column for column in rows[0] if column not in ("accuracy", "latency_s", "total_cost_usd")]
        space = Space.of({role: sorted({row[role] for row in rows}) for role in roles})
        figures = np.full((3, len(space)), np.nan)
        for row in rows:
            place = space.places[tuple(row[role] for role in roles)]
            figures[:, place] = [float(row[name]) for name in ("accuracy", "latency_s", "total_cost_usd")]
        examples = EXAMPLES[name]
        return cls(name, space, figures[0], figures[1], figures[2] / examples, examples)


def draw(table: PublishedTable, seed: int, correlated: bool) -> np.ndarray:
    """Scores, (combinations, examples), whose row means are the table's accuracies."""
    rng = np.random.default_rng(seed)
    roles, examples = len(table.space.roles), table.n_examples
    common, per_role = (COMMON, PER_ROLE if roles > 1 else 0.0) if correlated else (0.0, 0.0)
    ease = np.sqrt(common) * rng.standard_normal(examples) + np.zeros((len(table.space), 1))
    for role in range(roles):
        own = rng.standard_normal((len(table.space.candidates[role]), examples))
        ease += np.sqrt(per_role) * own[table.space.codes[:, role]]
    ease += np.sqrt(1 - common - roles * per_role) * rng.standard_normal(ease.shape)
    return right_where_easy(ease, table.accuracy)


def right_where_easy(ease: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """1 on each row's easiest examples, 0 on the others, a part on one, so that row means are ``accuracy``."""
    examples = ease.shape[1]
    rank = np.argsort(np.argsort(-ease, axis=1), axis=1)
    return np.clip(accuracy[:, None] * examples - rank, 0.0, 1.0)
