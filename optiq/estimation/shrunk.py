"""Quality of compositions without ratios: every figure is drawn to what its parts say, by as much as it is unsure.

The paper multiplies ratios along a chain (section 4.2). A ratio from five runs is mostly luck, and three lucky ones
in a row promise a quality near 1. Here a node's quality lies between its model's own and what it hears
(:mod:`optiq.estimation.composition`), and what was observed of a pair, a blend or a whole plan moves it by
``n / (n + PARTS_STRENGTH)`` of the difference. No record stands for a similar plan: its parts say more.

Every rule has the form ``share · heard + bonus``, so that arrays hold it like the paper's (share = ratio, bonus = 0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from optiq.estimation.composition import Rule
from optiq.estimation.figure import Figure, Step
from optiq.estimation.pooled import Pooled, drawn, is_flat, observations, rule_of, usual
from optiq.questions.question import Kind
from optiq.statistics.snapshot import NAN, ModelFigures, Record, Statistics

PARTS_STRENGTH = 40.0
"""So many observations of a composition weigh as much as what its parts say. More than it takes for models:
compositions differ from their parts by less than models differ from each other (docs/evaluation.md)."""


class Known(Protocol):
    """What is recorded on one topic: a :class:`~optiq.estimation.catalog.Catalog`."""

    statistics: Statistics
    topic: str
    kind: Kind | str
    blender: str | None

    @property
    def records(self) -> Mapping[str, Record]:
        """By plan_key."""

    @property
    def blends(self) -> Mapping[tuple[str, ...], Record]:
        """Blends of single models, by their sorted names."""

    def single(self, model: str) -> Record | None:
        """The record of a model alone."""

    def figures(self, model: str) -> ModelFigures:
        """The figures of a model."""


class Shrunk:
    """The shrunk figures of one topic."""

    def __init__(self, catalog: Known) -> None:
        self.catalog = catalog
        self._alone: dict[str, Figure] = {}

    @property
    def rule(self) -> Rule:
        """Shares and gains of chains and blends."""
        return rule_of(self.catalog.statistics, self.catalog.kind)

    def qoa(self, model: str) -> Figure:
        """A model alone on the topic: its runs there, drawn to its figure, drawn to its runs elsewhere."""
        if model not in self._alone:
            record = self.catalog.single(model)
            figure = self.catalog.figures(model).qoa
            start = usual(self.catalog.statistics, self.catalog.kind, model) if math.isnan(figure) else figure
            n = 0.0 if record is None else observations(record)
            value = drawn(Pooled(n, record.qoa) if record is not None else None, start)
            source = "unknown" if math.isnan(value) else f"shrunk n={n:g}"
            if n == 0 and (given := self._given(model)):
                source = f"{source}: {given}"
            self._alone[model] = Figure(value, source)
        return self._alone[model]

    def _given(self, model: str) -> str:
        """Where the figure of a model comes from that never ran on the topic."""
        return self.catalog.statistics.source(model, self.catalog.topic, self.catalog.kind, ["qoa"])

    def step(self, before: str, model: str) -> Step:
        """What ``model`` makes of an answer of ``before``."""
        alone = self.qoa(model).value
        if math.isnan(alone):
            return Step(1.0, 0.0, "fallback: neutral")
        share, gain = self.rule.chain
        moved, n = self._deviation(
            f"2:1:{before}>{model}", share * self.qoa(before).value + (1 - share) * alone + gain
        )
        return Step(
            share, (1 - share) * alone + gain + moved, f"shrunk pair n={n:g}" if n else "shrunk: parts"
        )

    def blend(self, leaves: tuple[str, ...], blender: str | None) -> Figure:
        """A blend of single models, in any order."""
        share, gain = self.rule.blend
        heard = [q for name in sorted(leaves) if not math.isnan(q := self.qoa(name).value)]
        own = self.qoa(blender).value if blender is not None else NAN
        if math.isnan(own) and not heard:
            return Figure(NAN, "unknown")
        if math.isnan(own) or not heard:
            return Figure(
                own if not heard else sum(heard) / len(heard), "fallback: what is known of its parts"
            )
        parts = (1 - share) * own + share * sum(heard) / len(heard) + gain
        record = self.catalog.blends.get(tuple(sorted(leaves)))
        moved, n = self._deviation(record.plan.key if record is not None else "", parts)
        value = min(max(parts + moved, 0.0), 1.0)
        return Figure(value, f"shrunk blend n={n:g}" if n else "shrunk: parts")

    def trust(self, record: Record) -> float:
        """The weight of a record against the rule, 0 to 1; 0 for those that the rule has in it already."""
        plan = record.plan
        if plan.k <= 2 or (is_flat(plan) and plan.models[-1] == self.catalog.blender):
            return 0.0
        n = observations(record)
        return n / (n + PARTS_STRENGTH)

    def _deviation(self, key: str, parts: float) -> tuple[float, float]:
        """How much a plan differs from its parts on this topic, and the observations behind it."""
        record = self.catalog.records.get(key)
        if record is None or math.isnan(record.qoa) or math.isnan(parts):
            return 0.0, 0.0
        n = observations(record)
        return n / (n + PARTS_STRENGTH) * (record.qoa - parts), n
