"""The models that plans may call, and the one that blends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Pool:
    """Base models, sorted, and the blender; ``names`` are both, sorted and without repeats."""

    models: tuple[str, ...]
    blender: str | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({*self.models, *([self.blender] if self.blender is not None else [])}))

    @cached_property
    def of_base(self) -> IntArray:
        """The number among ``names`` of each base model."""
        return np.array([self.names.index(name) for name in self.models], dtype=np.int64)

    @property
    def blender_number(self) -> int:
        """The number of the blender among ``names``, -1 if there is none."""
        return self.names.index(self.blender) if self.blender is not None else -1
