"""What a combination will cost, from the cost per role of combinations that were examined."""

from __future__ import annotations

import numpy as np

from optiq.selection.evidence import Evidence
from optiq.selection.space import Space


def estimated_costs(space: Space, evidence: Evidence, examined: np.ndarray) -> np.ndarray:
    """USD per example for every combination; NaN where a model in a role was never priced.

    MixLLM (section 3.2) profiles the combinations of one model; every later one adds to that. A role's cost
    depends on the model before it, which writes its prompt: runs with the same pair count first, then
    those with the same model in the role.
    """
    with np.errstate(all="ignore"):
        by_role = _means(evidence.role_cost_usd[examined])
    totals = evidence.mean_cost_usd[examined]
    unsplit = np.isnan(by_role).any(axis=1)
    by_role[unsplit] = totals[unsplit, None] / len(space.roles)
    codes, seen = space.codes, space.codes[examined]
    estimate = np.zeros(len(space))
    for role, models in enumerate(space.candidates):
        for model in range(len(models)):
            mine = seen[:, role] == model
            users = codes[:, role] == model
            estimate[users] += by_role[mine, role].mean() if mine.any() else np.nan
            if role == 0 or not mine.any():
                continue
            for before in range(len(space.candidates[role - 1])):
                pair = mine & (seen[:, role - 1] == before)
                if pair.any():
                    estimate[users & (codes[:, role - 1] == before)] += (
                        by_role[pair, role].mean() - by_role[mine, role].mean()
                    )
    return np.where(examined, evidence.mean_cost_usd, estimate)


def _means(costs: np.ndarray) -> np.ndarray:
    """Mean over examples (axis 1) of what is known."""
    known = ~np.isnan(costs)
    counts = known.sum(axis=1)
    totals = np.where(known, costs, 0.0).sum(axis=1)
    return np.divide(totals, counts, out=np.full(totals.shape, np.nan), where=counts > 0)
