"""Quality of compositions without ratios: every figure is drawn to what its parts say, by as much as it is unsure.

The paper multiplies ratios along a chain (section 4.2). A ratio from five runs is mostly luck, and three lucky ones
in a row promise a quality near 1. Here a node's quality lies between its model's own and what it hears
(:mod:`optiq.estimation.composition`), and what was observed of a pair, a blend or a whole plan moves it by
``n / (n + PARTS_STRENGTH)`` of the difference. No record stands for a similar plan: its parts say more.

Every rule has the form ``share · heard + bonus``, so that arrays hold it like the paper's (share = ratio, bonus = 0).
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optiq.estimation.composition import Rule, learn_rule
from optiq.estimation.shape import PromptShape
from optiq.plan import Plan
from optiq.question import Kind
from optiq.statistics import ANY_TOPIC, NAN, Record, Statistics

if TYPE_CHECKING:
    from optiq.estimation.catalog import Catalog, Figure

STRENGTH = 10.0
"""So many observations weigh as much as what the parts say: the variance within plans over that between them, which
is 0.2 over 0.02 on recorded multiple choice and 0.05 over 0.005 on recorded open questions."""

PARTS_STRENGTH = 40.0
"""The same for what a composition was observed to do against what its parts say: compositions differ from their
parts by less than models differ from each other (docs/evaluation.md)."""


class Step(NamedTuple):
    """QoA after a step: ``share`` · QoA before it + ``bonus``, within 0 to 1."""

    share: float
    bonus: float
    source: str


class Pooled(NamedTuple):
    """Mean QoA of a plan over all topics of a task, and on how many observations."""

    n: float
    qoa: float


class Shrunk:
    """The shrunk figures of one topic, for a :class:`~optiq.estimation.catalog.Catalog`."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._alone: dict[str, Figure] = {}

    # --- all topics --------------------------------------------------------------------------------------

    @cached_property
    def pooled(self) -> dict[str, Pooled]:
        """Per plan_key the mean over topics; over questions without a topic where there are no others."""
        statistics, kind = self.catalog.statistics, self.catalog.kind
        key = "pooled", getattr(kind, "task", str(kind))
        if key not in statistics.derived:
            sums: dict[str, list[float]] = {}
            for topic in statistics.topics or (ANY_TOPIC,):
                for plan_key, record in statistics.records(topic, kind).items():
                    if not math.isnan(record.qoa):
                        total = sums.setdefault(plan_key, [0.0, 0.0])
                        n = observations(record)
                        total[0] += n
                        total[1] += n * record.qoa
            statistics.derived[key] = {k: Pooled(n, s / n) for k, (n, s) in sums.items() if n > 0}
        found: dict[str, Pooled] = statistics.derived[key]
        return found

    @cached_property
    def rule(self) -> Rule:
        """Share and gain of chains and blends, from the pairs and blends of single models on all topics."""
        catalog = self.catalog
        key = "rule", getattr(catalog.kind, "task", str(catalog.kind))
        if key not in catalog.statistics.derived:
            plans = [p for p in map(Plan.from_key, self.pooled) if p.k == 2 or (2 < p.k < 6 and _is_flat(p))]
            names = {name for plan in plans for name in plan.models}
            alone = {name: q for name in sorted(names) if not math.isnan(q := self._usual(name))}
            found = [self.pooled[plan.key] for plan in plans]
            means, weights = np.array([f.qoa for f in found]), np.array([f.n for f in found])
            catalog.statistics.derived[key] = learn_rule(plans, means, weights, alone)
        rule: Rule = catalog.statistics.derived[key]
        return rule

    def _usual(self, model: str) -> float:
        """A model alone on any topic: its runs, drawn to its published figure."""
        figure = self.catalog.statistics.figures(model, ANY_TOPIC, self.catalog.kind).qoa
        return _drawn(self.pooled.get(f"1:0:{model}"), figure)

    # --- this topic ----------------------------------------------------------------------------------------

    def qoa(self, model: str) -> Figure:
        """A model alone on the topic: its runs there, drawn to its figure, drawn to its runs elsewhere."""
        from optiq.estimation.catalog import Figure

        if model not in self._alone:
            record = self.catalog.single(model)
            figure = self.catalog.figures(model).qoa
            start = self._usual(model) if math.isnan(figure) else figure
            n = 0.0 if record is None else observations(record)
            value = _drawn(Pooled(n, record.qoa) if record is not None else None, start)
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
        from optiq.estimation.catalog import Figure

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
        if plan.k <= 2 or (_is_flat(plan) and plan.models[-1] == self.catalog.blender):
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


def rule_of(statistics: Statistics, kind: Kind | str) -> Rule:
    """The shares and gains of chains and blends on questions of a kind; the same on all topics."""
    from optiq.estimation.catalog import Catalog

    return Shrunk(Catalog(statistics, ANY_TOPIC, kind, PromptShape(0), None)).rule


def observations(record: Record) -> float:
    """How much a record knows: its distinct questions where they are told, else its executions."""
    return float(record.n_questions or record.n_observations)


def _drawn(found: Pooled | None, start: float) -> float:
    if found is None or found.n == 0 or math.isnan(found.qoa):
        return start
    if math.isnan(start):
        return found.qoa
    return (found.n * found.qoa + STRENGTH * start) / (found.n + STRENGTH)


def _is_flat(plan: Plan) -> bool:
    """Whether a plan is one blend of single models."""
    return plan.k > 2 and plan.edges == tuple((v, plan.k - 1) for v in range(plan.k - 1))
