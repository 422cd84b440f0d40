"""Plans in files: any form that :meth:`optiq.plans.plan.Plan.parse` reads, in any numbering of the nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from optiq.errors import PlanError
from optiq.files import strict_json
from optiq.plans.plan import Plan
from optiq.plans.plan_checks import check_edges, check_models
from optiq.plans.topology import canonical_orders

_REMEMBERED = 50_000
_LONGEST = 2_000


Parsed = tuple[Plan, tuple[int, ...]]
"""A plan and, per node as given, its canonical number."""
COLUMNS = ("plan", "plan_key", "model")
"""The ways to say a plan; ``model`` is a plan of one call."""


class PlanReader:
    """Parses the plans of a file's rows, each distinct one once."""

    def __init__(self) -> None:
        self._known: dict[str, Parsed | str] = {}

    def rows(self, columns: Mapping[str, list[Any]], height: int) -> list[Parsed | str]:
        """The plan of each row, from the ``COLUMNS`` that there are; or why there is none."""
        given = [(name, columns[name]) for name in COLUMNS if name in columns]
        return [self._row([(name, values[place]) for name, values in given]) for place in range(height)]

    def _row(self, cells: list[tuple[str, Any]]) -> Parsed | str:
        found: list[tuple[str, Parsed]] = []
        for name, value in cells:
            if value is None or value == "":
                continue
            parsed = self.parse({"models": [value]} if name == "model" else value)
            if isinstance(parsed, str):
                return parsed if name == "plan" else f"{name}: {parsed.removeprefix('plan: ')}"
            found.append((name, parsed))
        if not found:
            return "no plan is given"
        first, parsed = found[0]
        for name, other in found[1:]:
            if other[0] != parsed[0]:
                return f"{first} is {parsed[0].key}, but {name} says {other[0].key}: give one"
        return parsed

    def parse(self, value: Any) -> Parsed | str:
        """The plan that one value says, or why it is none."""
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if len(text) > _LONGEST:
            return _parse(value)
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = _parse(value)
        return self._known[text]


def plan_frame(parsed: list[Parsed | str]) -> pl.DataFrame:
    """``parsed_key``, ``parsed_level`` and ``plan_fault`` per row."""
    plans = [None if isinstance(found, str) else found[0] for found in parsed]
    return pl.DataFrame(
        {
            "parsed_key": [plan and plan.key for plan in plans],
            "parsed_level": [plan and plan.level for plan in plans],
            "plan_fault": [found if isinstance(found, str) else None for found in parsed],
        },
        schema={"parsed_key": pl.String, "parsed_level": pl.Int64, "plan_fault": pl.String},
    )


def _parse(value: Any) -> Parsed | str:
    try:
        plan = Plan.parse(value)
    except PlanError as fault:
        return f"plan: {fault.message}"
    given = _given(value)
    if given is None:
        return plan, tuple(range(plan.k))
    models = check_models(given["models"])
    edges = check_edges(len(models), given.get("edges") or ())
    # Of the numberings that reach the connectivity map, the one that gives the plan's models.
    order = next(o for o in canonical_orders(plan.k, edges)[1] if tuple(models[v] for v in o) == plan.models)
    places = {node: place for place, node in enumerate(order)}
    return plan, tuple(places[node] for node in range(plan.k))


def _given(value: Any) -> dict[str, Any] | None:
    """The plan as a dict with its own numbering; None for a key or an expression, which have none."""
    if isinstance(value, str):
        return strict_json.loads(value) if value.lstrip().startswith("{") else None
    return dict(value)
