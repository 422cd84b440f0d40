"""The standard normal distribution for arrays, and what a normal doubt is worth: both bandits decide by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_LEAST = 1e-12


def density(z: FloatArray) -> FloatArray:
    """φ(z)."""
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def cumulative(z: FloatArray) -> FloatArray:
    """Φ(z)."""
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def gain_of_overtaking(gap: FloatArray, deviation: FloatArray) -> FloatArray:
    """E[max(0, s·Z − Δ)] = s·φ(Δ/s) − Δ·Φ(−Δ/s) for the gap Δ and the deviation s, of one shape and in one unit.

    What a rival that is Δ behind is expected to gain if the distance moves by a normal amount with deviation s
    (Frazier, Powell, Dayanik 2009).
    """
    least = np.maximum(deviation, _LEAST)
    z = gap / least
    return np.maximum(least * density(z) - gap * cumulative(-z), 0.0)
