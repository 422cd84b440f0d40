"""Quality of compositions without ratios: every figure is drawn to what its parts say, by as much as it is unsure.

The paper multiplies ratios along a chain (section 4.2). A ratio from five runs is mostly luck, and three lucky ones
in a row promise a quality near 1. Here a node's quality lies between its model's own and what it hears
(:mod:`optiq.estimation.composition`), and what was observed of a pair, a blend or a whole plan moves it by
``n / (n + PARTS_STRENGTH)`` of the difference. No record stands for a similar plan: its parts say more.

Every rule has the form ``share · heard + bonus``, so that arrays hold it like the paper's (share = ratio, bonus = 0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from optiq.estimation.composition import STRENGTH, Pooled, drawn, is_flat, observations, usual
from optiq.estimation.estimates import Figure, Step, clip
from optiq.estimation.estimator import Estimator
from optiq.statistics.snapshot import NAN, Record

if TYPE_CHECKING:
    from optiq.estimation.catalog import Catalog

PARTS_STRENGTH = 40.0
"""So many observations of a composition weigh as much as what its parts say. More than it takes for models:
compositions differ from their parts by less than models differ from each other (docs/evaluation.md)."""


class Shrunk(Estimator):
    """Figures drawn to what their parts say."""

    hears_neighbours = True
    start_answers = STRENGTH
    part_answers = PARTS_STRENGTH

    def on(self, catalog: Catalog) -> ShrunkRules:
        return ShrunkRules(catalog, self)


class ShrunkRules:
    """The rules on one topic. See :class:`~optiq.estimation.estimator.QualityRules`."""

    name = "shrunk"
    similar = False

    def __init__(self, catalog: Catalog, estimator: Shrunk) -> None:
        self.catalog = catalog
        self.rule = estimator.shares(catalog.kind)
        self._alone: dict[str, Figure] = {}

    def alone(self, model: str) -> Figure:
        """A model alone on the topic: its runs there, drawn to its figure, drawn to its runs elsewhere."""
        if model not in self._alone:
            record = self.catalog.single(model)
            figure = self.catalog.figures(model).qoa
            start = usual(self.catalog.statistics, self.catalog.kind, model) if math.isnan(figure) else figure
            judged = None if record is None or math.isnan(record.qoa) else record
            n = 0.0 if judged is None else observations(judged)
            value = drawn(None if judged is None else Pooled(n, judged.qoa), start)
            files = "" if judged is None else judged.files
            source = "unknown" if math.isnan(value) else f"shrunk n={n:g}{files}"
            if math.isnan(value) and (found := self.catalog.elsewhere(model, "qoa")) is not None:
                value, source = found
            if n == 0 and (given := self.catalog.source(model, ["qoa"])):
                source = f"{source}: {given}"
            self._alone[model] = Figure(value, source)
        return self._alone[model]

    def step(self, before: str, model: str) -> Step:
        """What ``model`` makes of an answer of ``before``."""
        alone = self.alone(model).value
        if math.isnan(alone):
            return Step(1.0, 0.0, "fallback: neutral")
        share, gain = self.rule.chain
        moved, n = self._deviation(
            f"2:1:{before}>{model}", share * self.alone(before).value + (1 - share) * alone + gain
        )
        return Step(
            share, (1 - share) * alone + gain + moved, f"shrunk pair n={n:g}" if n else "shrunk: parts"
        )

    def blend(self, leaves: tuple[str, ...]) -> Figure:
        """A blend of single models, in any order."""
        blender = self.catalog.blender
        share, gain = self.rule.blend
        heard = [q for name in sorted(leaves) if not math.isnan(q := self.alone(name).value)]
        own = self.alone(blender).value if blender is not None else NAN
        if math.isnan(own) and not heard:
            return Figure(NAN, "unknown")
        if math.isnan(own) or not heard:
            return Figure(
                own if not heard else sum(heard) / len(heard), "fallback: what is known of its parts"
            )
        parts = (1 - share) * own + share * sum(heard) / len(heard) + gain
        record = self.catalog.blends.get(tuple(sorted(leaves)))
        moved, n = self._deviation(record.plan.key if record is not None else "", parts)
        return Figure(clip(parts + moved), f"shrunk blend n={n:g}" if n else "shrunk: parts")

    def change(self, qoa: Any, reference: Any) -> Any:
        """The plain difference: nothing here is a ratio."""
        return qoa - reference

    def blended(self, reference: Any, change: Any) -> Any:
        """What the branches changed by is heard in the share of a blend."""
        return reference + self.rule.blend[0] * change

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
