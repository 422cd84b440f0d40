"""Plans in files: any form that :meth:`optiq.plans.plan.Plan.parse` reads, in any numbering of the nodes."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from optiq.errors import PlanError
from optiq.plans.plan import Plan
from optiq.plans.plan_checks import check_edges, check_models
from optiq.plans.topology import canonical_orders

_REMEMBERED = 50_000
_LONGEST = 2_000


class PlanReader:
    """Parses the plans of a file's rows, each distinct one once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Plan, tuple[int, ...]] | str] = {}

    def read(self, columns: dict[str, list[Any]], height: int) -> pl.DataFrame:
        """``parsed_key`` and ``plan_fault`` per row, from the columns ``plan`` or ``plan_key``."""
        parsed = [self.parse(value) for value in self._values(columns, height)]
        keys = [None if isinstance(found, str) else found[0].key for found in parsed]
        faults = [found if isinstance(found, str) else None for found in parsed]
        return pl.DataFrame(
            {"parsed_key": keys, "plan_fault": faults},
            schema={"parsed_key": pl.String, "plan_fault": pl.String},
        )

    def parse(self, value: Any) -> tuple[Plan, tuple[int, ...]] | str:
        """The plan and, per node as given, its canonical number; or why it is none."""
        if value is None or value == "":
            return "no plan is given"
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if len(text) > _LONGEST:
            return _parse(value)
        if text not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[text] = _parse(value)
        return self._known[text]

    @staticmethod
    def _values(columns: dict[str, list[Any]], height: int) -> list[Any]:
        plans = columns.get("plan", [None] * height)
        keys = columns.get("plan_key", [None] * height)
        return [key if plan is None or plan == "" else plan for plan, key in zip(plans, keys, strict=True)]


def _parse(value: Any) -> tuple[Plan, tuple[int, ...]] | str:
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
        return json.loads(value) if value.lstrip().startswith("{") else None
    return dict(value)
