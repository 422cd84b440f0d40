"""Great Expectations on the columns of tables and on what a night changed: offline, without files or telemetry.

The rules are those that every refresh judges in PerfDB itself (:mod:`warehouse.column_rules`,
:mod:`warehouse.relative_rules`): importing Great Expectations takes 5 s, so it is for nights, not for every refresh. Of
each table the first ``SAMPLE`` rows are judged.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from warehouse.check_result import CheckResult
from warehouse.column_rules import ALLOWED, PLAN_KEY, PRESENT, RANGES, UNIQUE, judged_rows
from warehouse.relative import Change
from warehouse.relative_rules import RULES

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 200_000
NIGHT = "night"
"""The suite of what a night changed: one row per subject, a column per rule."""


def check_tables(connection: duckdb.DuckDBPyConnection) -> list[CheckResult]:
    """Validate every table that has a suite; one result per expectation."""
    results = []
    for table in RANGES:
        columns = list(dict.fromkeys((*PRESENT[table], *RANGES[table], *ALLOWED.get(table, {}))))
        rows = connection.table(table).filter(judged_rows(table))
        frame = rows.select(*columns).limit(SAMPLE).df()
        if len(frame):
            results += validate(table, frame)
    return results


def check_changes(changes: Sequence[Change]) -> list[CheckResult]:
    """Validate what a night changed, as far as that can be told."""
    told = [(change.subject, change.rule, change.told) for change in changes if change.told is not None]
    if not told:
        return []
    frame = pl.DataFrame(told, schema=["subject", "rule", "told"], orient="row")
    return validate(NIGHT, frame.pivot("rule", index="subject", values="told").to_pandas())


def validate(table: str, frame: pd.DataFrame) -> list[CheckResult]:
    """Validate a pandas frame with the columns of ``table`` that its suite is about."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations as gx
    import great_expectations.data_context.types.base

    # Its modules set levels of their own when they are imported; what they do is not for the screen.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("great_expectations")]:
        logging.getLogger(name).setLevel(logging.ERROR)

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("perfdb")
        .add_dataframe_asset(table)
        .add_batch_definition_whole_dataframe("all")
        .get_batch(batch_parameters={"dataframe": frame})
    )
    suite = gx.ExpectationSuite(name=table, expectations=_suite(table, list(frame.columns), gx.expectations))
    return [_result(table, item) for item in batch.validate(suite).results]


def _suite(table: str, columns: list[str], rules: Any) -> list[Any]:
    changes = {name: RULES[name].bounds for name in columns if name in RULES}
    bounds = RANGES.get(table, changes)
    suite = [rules.ExpectColumnValuesToNotBeNull(column=name) for name in PRESENT.get(table, ())]
    for name, (low, high) in bounds.items():
        suite.append(rules.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high))
    for name, values in ALLOWED.get(table, {}).items():
        suite.append(rules.ExpectColumnValuesToBeInSet(column=name, value_set=list(values)))
    if "plan_key" in PRESENT.get(table, ()):
        suite.append(rules.ExpectColumnValuesToMatchRegex(column="plan_key", regex=PLAN_KEY))
    unique = list(UNIQUE.get(table, ()))
    if len(unique) == 1:
        suite.append(rules.ExpectColumnValuesToBeUnique(column=unique[0]))
    elif unique:
        suite.append(rules.ExpectCompoundColumnsToBeUnique(column_list=unique))
    return suite


def _result(table: str, item: Any) -> CheckResult:
    config = item.expectation_config
    column = config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list", []))
    found = item.result or {}
    n_bad = 0 if item.success else max(1, int(found.get("unexpected_count") or 0))
    examples = found.get("partial_unexpected_list") or []
    if not item.success and not examples and item.exception_info:
        examples = [str(item.exception_info)[:200]]
    example = json.dumps({column: examples[0]}, default=str) if examples and not item.success else None
    name = f"{table}.{column}: {config.type.removeprefix('expect_')}"
    return CheckResult(name, "great_expectations", n_bad, example, relative=table == NIGHT)
