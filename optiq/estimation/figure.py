"""Figures that say where they come from."""

from __future__ import annotations

import math
from typing import NamedTuple


class Figure(NamedTuple):
    """A value and where it comes from."""

    value: float
    source: str


class Step(NamedTuple):
    """QoA after a step: ``share`` · QoA before it + ``bonus``, within 0 to 1."""

    share: float
    bonus: float
    source: str

    def after(self, qoa: float) -> float:
        """The QoA after the step from ``qoa`` before it."""
        return clip(qoa * self.share + self.bonus)


def clip(qoa: float) -> float:
    """``qoa`` within 0 to 1; NaN stays NaN."""
    return qoa if math.isnan(qoa) else min(max(qoa, 0.0), 1.0)
