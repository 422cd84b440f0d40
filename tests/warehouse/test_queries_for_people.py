"""The queries that the README shows run, on an empty PerfDB and on one with traces."""

from __future__ import annotations

from typing import Any

import pytest

import sql
from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

A = Plan.of(["smollm2:135m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
QUERIES = {
    "best_models": 3,
    "prediction_errors": 1,
    "budget_breaches": 2,
    "spend_last_30_days": 2,
    "coverage": 2,
    "failures": 1,
    "quarantine_reasons": 1,
    "quality_by_week": 1,
}


@pytest.mark.parametrize("name", QUERIES)
def test_on_an_empty_perfdb(fresh_home: Home, name: str) -> None:
    rows = query(fresh_home.perfdb, sql.read(f"queries/{name}"))
    assert rows.height == (2 if name == "best_models" else 0)
    assert sql.read(f"queries/{name}").startswith("-- ")


def test_on_traces(home: Home, traces: Any) -> None:
    make = traces.execution
    land_traces(
        home,
        traces(
            *[make(A, i) for i in range(6)],
            *[make(CHAIN, 10 + i, max_cost_usd=0.0015, min_qoa=0.5) for i in range(2)],
            make(A, 20, status="failed", qoa=None, call={"error": "time-out"}),
            make(A, 30, qoa=7.0),
        ),
    )
    refresh(home, full_gate=False)
    found = {name: query(home.perfdb, sql.read(f"queries/{name}")).height for name in QUERIES}
    assert found == QUERIES
