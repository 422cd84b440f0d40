"""How alike two plans are, so that the record of one may stand in for the other (section 4.2, look-up).

The similarity is ``0.4 · J + 0.6 · (1 − d / k)``: J is the Jaccard index of the edge sets and d the edit
distance of the model sequences, both in canonical numbering, so that isomorphic plans are treated alike. Only
plans of the same size and the same final model are compared: size decides what a plan costs, and the final
model writes the answer. With the threshold 0.75, a single or a 2-chain of other models never stands in (one
of two models replaced: 0.70), while from three nodes on one replaced model does (0.80).
"""

from __future__ import annotations

from functools import lru_cache
from operator import ne

from optiq.plans.plan import Plan

THRESHOLD = 0.75
EDGE_SHARE = 0.4
MODEL_SHARE = 0.6


def similarity(one: Plan, other: Plan) -> float:
    """Similarity from 0 to 1; 1 only for equal plans; 0 for any two that stay below the threshold.

    Plans of different size or final model are not compared.
    """
    if len(one.models) != len(other.models) or one.models[-1] != other.models[-1]:
        return 0.0
    k = one.k
    overlap = edge_overlap(k, one.connectivity_map, other.connectivity_map)
    allowed = largest_distance(overlap, k)
    if allowed < 0:
        return 0.0
    # sequences of one length that differ at up to two places are exactly so far apart
    distance = sum(map(ne, one.models, other.models))
    if distance > 2:
        if allowed < 2:
            return 0.0
        distance = edit_distance(one.models, other.models)
    return score(overlap, distance, k) if distance <= allowed else 0.0


def score(overlap: float, distance: int, k: int) -> float:
    """The similarity of plans with ``k`` nodes; rounded, so that the threshold is met or missed reliably."""
    return round(EDGE_SHARE * overlap + MODEL_SHARE * (1 - distance / k), 9)


@lru_cache(maxsize=4096)
def largest_distance(overlap: float, k: int) -> int:
    """The largest edit distance that still reaches the threshold, -1 if none does."""
    allowed = [d for d in range(k) if score(overlap, d, k) >= THRESHOLD]
    return allowed[-1] if allowed else -1


@lru_cache(maxsize=1 << 18)
def edge_overlap(k: int, one: int, other: int) -> float:
    """The Jaccard index of two edge sets given as connectivity maps; 1 if both are empty."""
    union = (one | other).bit_count()
    return (one & other).bit_count() / union if union else 1.0


def edit_distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Levenshtein distance of two sequences of model names."""
    previous = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        current = [i]
        for j, right in enumerate(other, start=1):
            current.append(min(previous[j] + 1, current[-1] + 1, previous[j - 1] + (left != right)))
        previous = current
    return previous[-1]
