"""A plan: which models to call, and how their outputs flow (Opti-Q, sections 3.1 and 4.1).

A plan is a single-sink DAG with one model per node. A node that reads several outputs is a blend and carries
the blender; any other node may carry any base model.

>>> plan = Plan.of(["gemma3:27b", "phi4:14b", "mistral:7b"], [(2, 0), (1, 0)])
>>> plan.models, plan.edges
(('mistral:7b', 'phi4:14b', 'gemma3:27b'), ((0, 2), (1, 2)))
>>> plan.key
'3:3:mistral:7b>phi4:14b>gemma3:27b'
>>> plan.expression
'blend(mistral:7b, phi4:14b; gemma3:27b)'
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optiq.errors import PlanError
from optiq.files import strict_json
from optiq.plans.drawing import draw_text
from optiq.plans.drawing_svg import draw_svg
from optiq.plans.expression import express, parse_expression
from optiq.plans.plan_checks import EXAMPLE, check_edges, check_models
from optiq.plans.topology import MAX_OPERATIONS, Edge, canonical_orders, edges_of_map, topology
from optiq.plans.wired import Wired, models_of_key

MAX_TEXT = 65_536
"""Characters of plan text that are read at all: seven nodes never need more."""


@dataclass(frozen=True, slots=True)
class Plan(Wired):
    """Models per node and edges in canonical numbering. Make one with :meth:`of` or :meth:`parse`.

    Isomorphic plans are equal: among the numberings that reach the connectivity map the one with the
    lexicographically smallest models is kept.
    """

    @classmethod
    def of(cls, models: Sequence[str], edges: Iterable[Sequence[int]] = ()) -> Plan:
        """The canonical plan with these models and edges, in any acyclic numbering.

        Raises :class:`PlanError` for no models, too many, a bad name, an edge that is out of range, loops or
        is given twice, a cycle, or more than one sink.
        """
        names = check_models(models)
        return canonical_plan(names, check_edges(len(names), edges))

    @classmethod
    def parse(cls, value: str | Mapping[str, Any] | Plan) -> Plan:
        """A plan from JSON text, a dict, a plan_key, an expression or a plan; else :class:`PlanError`."""
        if isinstance(value, Plan):
            return value
        if isinstance(value, Mapping):
            return _from_mapping(value)
        if not isinstance(value, str):
            raise PlanError(f"a plan cannot be a {type(value).__name__}", EXAMPLE)
        if len(value) > MAX_TEXT:
            raise PlanError(
                f"plan text of {len(value)} characters", f"Plans have at most {MAX_OPERATIONS} nodes."
            )
        return _parse_text(value.strip())

    @classmethod
    def from_key(cls, key: str) -> Plan:
        """The plan that a ``plan_key`` (``k:connectivity_map:model1>model2>…``) names."""
        parts = key.split(":", 2) if isinstance(key, str) and len(key) <= MAX_TEXT else []
        if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) <= 9 for p in parts[:2]):
            raise PlanError(
                f"{key!r:.80} is not a plan_key", "A key reads k:connectivity_map:model1>model2>…."
            )
        k, number = int(parts[0]), int(parts[1])
        models = models_of_key(parts[2])
        if k != len(models):
            raise PlanError(
                f"plan_key {key!r:.80} names {len(models)} models for {k} nodes", "Count them again."
            )
        check_models(models)
        if number >= 1 << (k * (k - 1) // 2):
            raise PlanError(f"connectivity_map {number} is too large for {k} nodes", "Check the plan_key.")
        return cls.of(models, edges_of_map(k, number))

    def subplan(self, node: int) -> Plan:
        """The canonical plan that ends at ``node``."""
        if node == self.sink:
            return self
        part, nodes = self.topology.parts[node]
        return canonical_plan(tuple(self.models[v] for v in nodes), part.edges)

    def check_blender(self, blender: str | None) -> Plan:
        """This plan, if all its blend nodes carry ``blender``; :class:`PlanError` otherwise."""
        for v in self.blend_nodes:
            if blender is None:
                raise PlanError(
                    f"node {v} blends, but there is no blender", "Name one with --blender, or give a chain."
                )
            if self.models[v] != blender:
                raise PlanError(
                    f"node {v} blends with {self.models[v]!r}, but the blender is {blender!r}",
                    f"Put {blender!r} at every node that reads several outputs, or change --blender.",
                )
        return self

    def to_dict(self) -> dict[str, Any]:
        """``{"models": [...], "edges": [[0, 2], ...]}`` in canonical numbering."""
        return {"models": list(self.models), "edges": [list(edge) for edge in self.edges]}

    def to_json(self) -> str:
        """The canonical JSON text, compact: equal plans give equal text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    @property
    def expression(self) -> str:
        """``blend(a → b, c; d)`` where the plan is series-parallel, else a listing of the nodes."""
        return _expression(self)

    def drawing(self) -> str:
        """A drawing for the terminal, one line per node."""
        return draw_text(self)

    def svg(self) -> str:
        """A drawing as an SVG document."""
        return draw_svg(self)

    def _repr_html_(self) -> str:
        """The drawing, for notebooks."""
        return self.svg()

    def __str__(self) -> str:
        return self.expression


_expression = lru_cache(maxsize=4096)(express)  # few plans answer many questions


@lru_cache(maxsize=1 << 18)
def canonical_plan(models: tuple[str, ...], edges: tuple[Edge, ...]) -> Plan:
    """The canonical plan of models and sorted edges that are known to make one: nothing is checked."""
    k = len(models)
    number, orders = canonical_orders(k, edges)
    best = min(tuple(models[v] for v in order) for order in orders)
    return Plan(best, topology(k, number).edges)


def _from_mapping(value: Mapping[str, Any]) -> Plan:
    if "models" not in value:
        raise PlanError("a plan without 'models'", EXAMPLE)
    if unknown := sorted(str(key) for key in value if key not in ("models", "edges")):
        raise PlanError(f"a plan has no field {unknown[0]!r:.60}", EXAMPLE)
    edges = value.get("edges")
    return Plan.of(value["models"], () if edges is None else edges)


@lru_cache(maxsize=65536)
def _parse_text(text: str) -> Plan:
    if not text:
        raise PlanError("an empty plan", EXAMPLE)
    if text.startswith(("{", "[")) or _is_quoted_json(text):
        try:
            value = strict_json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlanError(f"plan text is not JSON: {error}", EXAMPLE) from None
        if not isinstance(value, dict):
            raise PlanError(f"plan JSON is a {type(value).__name__}, not an object", EXAMPLE)
        return _from_mapping(value)
    head = text.split(":", 2)
    if len(head) == 3 and head[0].isdigit() and head[1].isdigit():
        return Plan.from_key(text)
    return Plan.of(*parse_expression(text))


def _is_quoted_json(text: str) -> bool:
    """Whether it is a JSON object put into a JSON text once more, which is never meant as the name of a model."""
    if not text.startswith('"{'):
        return False
    try:
        return isinstance(json.loads(json.loads(text)), dict)
    except (ValueError, RecursionError):
        return False
