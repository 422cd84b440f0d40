"""Great Expectations: a suite per table on the meaning of its columns, offline, without files or telemetry.

What has just been merged is judged, and ``plan_statistics``; of each the first ``SAMPLE`` rows.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any

import duckdb

from optiq.questions.metric import METRICS, RESOURCES
from optiq.questions.question import Kind
from warehouse.check_result import CheckResult
from warehouse.ingestion.priors import FIGURES
from warehouse.ingestion.statistics import MEANS

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 200_000
# Lowest and highest value of each column; None is no limit. A missing figure breaks no rule.
_Ranges = dict[str, tuple[float | None, float | None]]
RANGES: dict[str, _Ranges] = {
    "priors": {"value": (0, 1e6)},
    "published_statistics": {
        "n_observations": (1, None),
        **{name: (low, high) for name, (low, high, _) in MEANS.items()},
    },
    "executions": {
        **{metric.name: (0, metric.most_of_run) for metric in METRICS},
        "predicted_qoa": (0, 1),
    },
    "calls": {
        "node": (0, 6),
        "prompt_tokens": (0, None),
        "output_tokens": (0, None),
        **{metric.name: (0, metric.most_of_run) for metric in RESOURCES},
        "subplan_qoa": (0, 1),
    },
    "plan_statistics": {
        "level": (0, 6),
        "n_observations": (0, None),
        **{metric.name: (1e-9 if metric.least_of_plan else 0, None) for metric in RESOURCES},
        **{f"var_{metric.name}": (0, None) for metric in METRICS},
        "output_tokens": (0, None),
        "qoa": (0, 1),
        "var_question_chars": (0, None),
    },
}
PRESENT: dict[str, tuple[str, ...]] = {
    "priors": ("model", "topic", "metric", "value", "source"),
    "published_statistics": ("topic", "plan_key", "source"),
    "executions": ("execution_id", "topic", "plan_key", "status"),
    "calls": ("execution_id", "model"),
    "plan_statistics": ("topic", "task", "plan_key", "provenance"),
}
ALLOWED: dict[str, dict[str, tuple[str, ...]]] = {
    "priors": {"metric": tuple(FIGURES)},
    "executions": {
        "status": ("answered", "failed"),
        "kind": tuple(kind.value for kind in Kind),
        "energy_source": ("measured", "predicted"),
    },
}
_PLAN_KEY = r"^[1-7]:\d+:.+"


def check_tables(connection: duckdb.DuckDBPyConnection) -> list[CheckResult]:
    """Validate every table that has a suite; one result per expectation."""
    results = []
    for table in RANGES:
        columns = list(dict.fromkeys((*PRESENT[table], *RANGES[table], *ALLOWED.get(table, {}))))
        rows = connection.table(table)
        if table != "plan_statistics":
            rows = rows.filter("ingestion > getvariable('last_ingestion')")
        frame = rows.select(*columns).limit(SAMPLE).df()
        if len(frame):
            results += validate(table, frame)
    return results


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
    suite = gx.ExpectationSuite(name=table, expectations=_suite(table, gx.expectations))
    return [_result(table, item) for item in batch.validate(suite).results]


def _suite(table: str, rules: Any) -> list[Any]:
    suite = [rules.ExpectColumnValuesToNotBeNull(column=name) for name in PRESENT[table]]
    for name, (low, high) in RANGES[table].items():
        suite.append(rules.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high))
    for name, values in ALLOWED.get(table, {}).items():
        suite.append(rules.ExpectColumnValuesToBeInSet(column=name, value_set=list(values)))
    if "plan_key" in PRESENT[table]:
        suite.append(rules.ExpectColumnValuesToMatchRegex(column="plan_key", regex=_PLAN_KEY))
    if table == "executions":
        suite.append(rules.ExpectColumnValuesToBeUnique(column="execution_id"))
    if table == "plan_statistics":
        suite.append(rules.ExpectCompoundColumnsToBeUnique(column_list=["topic", "task", "plan_key"]))
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
    return CheckResult(name, "great_expectations", n_bad, example)
