"""Simple ways to choose an ensemble, which a recommendation has to beat (section 5.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from optiq.chemistry.profiles import Profile
from optiq.errors import InputError


def best_by_accuracy(profiles: Sequence[Profile], size: int) -> tuple[str, ...]:
    """The ``size`` most accurate models (the paper's PERFORMANCE)."""
    _check(len(profiles), size)
    order = sorted(profiles, key=lambda one: (-one.accuracy, -one.quality, one.model))
    return tuple(sorted(one.model for one in order[:size]))


def at_random(profiles: Sequence[Profile], size: int, seed: int) -> tuple[str, ...]:
    """``size`` models drawn at random (RANDOM)."""
    _check(len(profiles), size)
    names = sorted(one.model for one in profiles)
    return tuple(sorted(str(name) for name in np.random.default_rng(seed).choice(names, size, replace=False)))


def best_among(profiles: Sequence[Profile], among: Collection[str], size: int) -> tuple[str, ...]:
    """The most accurate of ``among``, such as all local models (LOCAL), or all remote ones (REMOTE).

    Fewer than ``size`` if there are not so many.
    """
    kept = [one for one in profiles if one.model in among]
    if not kept:
        raise InputError("none of these models is in the pool", "Name models that have profiles.")
    return best_by_accuracy(kept, min(size, len(kept)))


def _check(n: int, size: int) -> None:
    if not 1 <= size <= n:
        raise InputError(f"an ensemble of {size} from {n} models", f"Ask for 1 to {n}.")
