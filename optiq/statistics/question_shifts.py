"""By how much models are better or worse on one question than on its topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Shifts:
    """By how much models are better on a question than on its topic; ``n`` neighbours say so."""

    n: int
    by_model: tuple[tuple[str, float], ...]

    @cached_property
    def _found(self) -> dict[str, float]:
        return dict(self.by_model)

    def of(self, model: str) -> float:
        """The shift of ``model``; 0 if nothing is known of it."""
        return self._found.get(model, 0.0)

    def among(self, names: Sequence[str]) -> FloatArray:
        """The shifts of models, in the order of ``names``."""
        return np.array([self.of(name) for name in names])
