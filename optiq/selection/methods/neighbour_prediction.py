"""How accurate a combination will be, judged from examined ones that differ from it in few roles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optiq.selection.space import Space

_LIKENESS = (0.2, 0.4, 0.6, 0.8, 0.9, 0.95)
"""How much alike two combinations are that differ in one role: tried values."""


@dataclass(frozen=True)
class Prediction:
    """Mean and standard deviation for every combination; certain (0) where it was examined."""

    mean: np.ndarray
    deviation: np.ndarray


def predict(space: Space, examined: np.ndarray, accuracy: np.ndarray) -> Prediction:
    """Kriging: each differing role takes the likeness of two combinations down by a factor.

    MixLLM (section 3.2) predicts whether a combination can surpass examined neighbours from what the same change
    did elsewhere, and puts the votes of several neighbours together. The likeness here does the same in
    numbers: the nearest examined combinations count most, changes that worked elsewhere carry over, and the
    further all of them are the less is claimed. The factor and the scale are the likeliest for what was seen.

    Parameters
    ----------
    examined, accuracy
        (combinations,) booleans, and values where True.
    """
    differing = (space.codes[:, None, :] != space.codes[None, :, :]).sum(axis=2)
    known = np.flatnonzero(examined)
    values = accuracy[known]
    best: tuple[float, Prediction] | None = None
    for likeness in _LIKENESS:
        kernel = likeness**differing
        within = kernel[np.ix_(known, known)] + 1e-6 * np.eye(len(known))
        inverse = np.linalg.inv(within)
        ones = np.ones(len(known))
        total = ones @ inverse @ ones
        common = ones @ inverse @ values / total
        rest = values - common
        freedom = max(len(known) - 1, 1)
        # A prior guess of 5 points keeps the scale up while next to nothing was seen.
        scale = (rest @ inverse @ rest + 2 * 0.05**2) / (freedom + 2)
        likelihood = -0.5 * ((freedom + 2) * np.log(scale) + np.linalg.slogdet(within)[1] + np.log(total))
        if best is None or likelihood > best[0]:
            cross = kernel[:, known]
            mean = common + cross @ inverse @ rest
            slack = 1 - cross @ inverse @ ones
            variance = 1 - np.einsum("ij,jk,ik->i", cross, inverse, cross) + slack**2 / total
            deviation = np.sqrt(np.maximum(scale * variance, 0.0))
            best = likelihood, Prediction(mean, np.where(examined, 0.0, deviation))
    assert best is not None
    return best[1]
