"""The queries that the README shows run, on an empty PerfDB and on one with traces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import sql
from optiq.errors import InputError
from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query, stoppable_rows
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


PAGE = (Path(sql.__file__).parent.parent / "docs/sql.md").read_text(encoding="utf-8")


def told(begins: str) -> dict[str, list[str]]:
    """The queries of a row of the table in docs/sql.md, each with the values that it needs."""
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {begins}"))
    found = re.findall(r"`(\w+)`(?: \(([\w, ]+)\))?", row.split("|")[2])
    return {name: values.split(", ") if values else [] for name, values in found}


ALONE, VALUED, OWN = told("as they are"), told("with `--param`"), told("by Opti-Q alone")


def as_it_stands(name: str) -> str:
    """The text of a file, as `optiq sql FILE` reads it."""
    return (Path(sql.__file__).parent / f"queries/{name}.sql").read_text(encoding="utf-8")


def test_the_page_tells_of_every_ready_query_how_it_is_run() -> None:
    assert sorted([*ALONE, *VALUED, *OWN]) == [name.removeprefix("queries/") for name in sql.names("queries")]
    assert not any(ALONE.values())
    assert all(VALUED.values())


@pytest.mark.parametrize("name", [*ALONE, *VALUED])
def test_a_ready_query_runs_with_the_values_that_the_page_names_and_not_without(
    home: Home, name: str
) -> None:
    statement = as_it_stands(name)
    values = dict.fromkeys(VALUED.get(name, ()), "1")
    assert stoppable_rows(home.perfdb, statement, parameters=values).columns
    for missing in values:
        left = {value: text for value, text in values.items() if value != missing}
        with pytest.raises(InputError, match=rf"needs values for \${missing}\. Give --param {missing}=VALUE"):
            stoppable_rows(home.perfdb, statement, parameters=left)


@pytest.mark.parametrize("name", OWN)
def test_a_query_of_ours_alone_is_said_to_be_one(home: Home, name: str) -> None:
    statement = as_it_stands(name)
    values = dict.fromkeys(re.findall(r"\$(\w+)", statement), "1")
    with pytest.raises(InputError):
        stoppable_rows(home.perfdb, statement, parameters=values)
