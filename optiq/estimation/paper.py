"""The paper's estimator (section 4.2): ratios along chains and blends, and records of similar plans.

The worked examples of the paper, a step and a blend of two branches:

>>> Step(0.60 / 0.50, 0.0, "pairwise").after(0.55)
0.66
>>> round(blended(0.60, (change(0.60, 0.50) + change(0.44, 0.40)) / 2), 12)
0.69
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from optiq.estimation.estimates import Figure, Step
from optiq.estimation.estimator import Estimator
from optiq.statistics.snapshot import NAN, Record

if TYPE_CHECKING:
    from optiq.estimation.catalog import Catalog

EPSILON = 0.01
"""The smallest QoA that is divided by (ε in section 4.2): below one per cent a ratio says nothing."""


class Paper(Estimator):
    """Section 4.2 as it stands."""

    def on(self, catalog: Catalog) -> PaperRules:
        return PaperRules(catalog)


class PaperRules:
    """The rules on one topic. See :class:`~optiq.estimation.estimator.QualityRules`."""

    name = "paper"
    similar = True

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def alone(self, model: str) -> Figure:
        """QoA(Q, L): the record of the model alone, else its figure."""
        record = self.catalog.single(model)
        if record is not None and not math.isnan(record.qoa):
            return Figure(record.qoa, f"exact n={record.n_observations}{record.files}")
        value = self.catalog.figures(model).qoa
        if math.isnan(value):
            return self.catalog.elsewhere(model, "qoa") or Figure(value, "unknown")
        return Figure(value, self.catalog.source(model, ["qoa"]) or "prior")

    def step(self, before: str, model: str) -> Step:
        """The relative effect of ``before`` on ``model``: QoA(before → model) / max(ε, QoA(model)).

        Falls back to the mean effect of the known predecessors of ``model``, then to the neutral 1.
        """
        alone = self.alone(model).value
        known = self._pairs.get(model, {})
        if math.isnan(alone) or not known:
            return Step(1.0, 0.0, "fallback: neutral")
        base = max(EPSILON, alone)
        if before in known:
            return Step(known[before].qoa / base, 0.0, f"pairwise n={known[before].n_observations}")
        mean = sum(known[name].qoa for name in sorted(known)) / len(known)
        return Step(mean / base, 0.0, f"fallback: mean of {len(known)} predecessors")

    @cached_property
    def _pairs(self) -> dict[str, dict[str, Record]]:
        """Per final model the known 2-chains that end in it, by first model."""
        pairs: dict[str, dict[str, Record]] = {}
        for record in self.catalog.records.values():
            if record.plan.k == 2 and not math.isnan(record.qoa):
                first, last = record.plan.models
                pairs.setdefault(last, {})[first] = record
        return pairs

    def blend(self, leaves: tuple[str, ...]) -> Figure:
        """QoA(Q, Blend(Par(leaves), blender)).

        Falls back to the mean of known blends of as many singles by this blender, of any number of singles,
        to the blender alone, and to the mean of the leaves alone.
        """
        record = self.catalog.blends.get(tuple(sorted(leaves)))
        if record is not None:
            return Figure(record.qoa, f"reference n={record.n_observations}")
        for size in (len(leaves), None):
            if size in self._mean_blends:
                return self._mean_blends[size]
        blender = self.catalog.blender
        alone = self.alone(blender).value if blender is not None else NAN
        if not math.isnan(alone):
            return Figure(alone, "fallback: blender alone")
        known = [q for name in sorted(leaves) if not math.isnan(q := self.alone(name).value)]
        if known:
            return Figure(sum(known) / len(known), "fallback: mean of branches")
        return Figure(NAN, "unknown")

    @cached_property
    def _mean_blends(self) -> dict[int | None, Figure]:
        """Per number of singles the mean QoA of the known blends; of all under None."""
        known: dict[int | None, list[float]] = {}
        for leaves, record in self.catalog.blends.items():
            for size in (len(leaves), None):
                known.setdefault(size, []).append(record.qoa)
        return {
            size: Figure(
                sum(rows) / len(rows),
                f"fallback: mean of {len(rows)} blends" + ("" if size is None else f" of {size}"),
            )
            for size, rows in known.items()
        }

    def change(self, qoa: Any, reference: Any) -> Any:
        return change(qoa, reference)

    def blended(self, reference: Any, change: Any) -> Any:
        return blended(reference, change)

    def trust(self, record: Record) -> float:
        """A record takes the place of what was estimated."""
        return 1.0


def change(qoa: Any, reference: Any) -> Any:
    """The relative change of a branch, (qoa − ref) / max(ε, ref), of numbers or arrays."""
    return (qoa - reference) / np.maximum(EPSILON, reference)


def blended(reference: Any, change: Any) -> Any:
    """ref · (1 + mean relative change of the branches), of numbers or arrays."""
    return reference * (1 + change)
