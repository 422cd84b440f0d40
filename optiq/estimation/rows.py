"""Plans as rows: what the array engine needs to know of a layout of plans, and nothing about models' figures.

Every row is a plan whose last node follows one rule on rows of smaller plans. There are two layouts: *all* plans up to
a size (:mod:`optiq.estimation.space`), and the plans of a list with the sub-plans that they contain
(:mod:`optiq.estimation.plan_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from optiq.estimation.matches import Matches

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Places = NDArray[np.intp]
Matched = tuple[IntArray, IntArray]
"""Rows, ascending, and the record that stands for each."""


@dataclass(frozen=True)
class Chunk:
    """Rows whose last nodes follow the same rule, and where their parts stand.

    ``branches`` (predecessors of the last node, …) and ``shared`` (ancestors in several branches, …) are rows of
    smaller plans; ``extra`` (ancestors, …) is how often too many a shared ancestor is counted, ``shares``
    (predecessors, …) the weight of each branch in a blend. The shape (…) has an element per row, or is broadcast to it.
    ``last`` (rows) is the base model of the last node, empty for blends; their ``leaves`` (…) are numbers of
    :attr:`Rows.leaf_sets`.
    """

    rows: slice
    branches: Places
    shared: Places
    extra: FloatArray
    shares: FloatArray
    last: IntArray
    leaves: IntArray


class Rows(Protocol):
    """A layout of plans as rows."""

    n_rows: int
    n_inner: int
    """Rows from here on are part of no other."""

    @property
    def leaf_sets(self) -> tuple[tuple[int, ...], ...]:
        """The base models that flattened blends read, ascending."""

    @property
    def plan_rows(self) -> Places:
        """The rows of the plans that are asked for, in their order."""

    @property
    def chunks(self) -> Iterable[Chunk]:
        """The rows in pieces, single models first, parts before what they are part of.

        A row that is in no chunk stands for a part that is not there: its figures are 0.
        """

    def matched(self, matches: Matches) -> Matched:
        """The rows for which a record stands, and which."""

    def classes(self) -> Iterator[tuple[slice | Places, int]]:
        """Rows that are of one of the classes :data:`optiq.estimation.spread.CLASSES`, and its number."""

    def means(self, by_base: FloatArray, of_blender: float) -> FloatArray:
        """(rows): the mean over a plan's nodes of what its models have."""
