"""The standard normal distribution for arrays."""

from __future__ import annotations

import numpy as np


def density(z: np.ndarray) -> np.ndarray:
    """φ(z)."""
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def cumulative(z: np.ndarray) -> np.ndarray:
    """Φ(z)."""
    from scipy.special import ndtr

    return np.asarray(ndtr(z))
