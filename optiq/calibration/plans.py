"""Which plans to try on labelled questions.

The parts that plans are made of: every single model, every chain of two different models and every blend of
two models. These are the entries that the sequential and the blend rule look up (Opti-Q, section 4.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, permutations

from optiq.plans.plan import Plan


def calibration_plans(pool: Sequence[str], blender: str | None, max_operations: int = 3) -> list[Plan]:
    """Singles first, then two-node chains, then three-node blends, within ``max_operations``."""
    models = sorted(set(pool))
    plans = [Plan.of((model,), ()) for model in models]
    if max_operations >= 2:
        plans += [Plan.of(pair, ((0, 1),)) for pair in permutations(models, 2)]
    if max_operations >= 3 and blender is not None:
        pairs = list(combinations(models, 2)) or [(models[0], models[0])]
        plans += [Plan.of((*pair, blender), ((0, 2), (1, 2))) for pair in pairs]
    return plans
