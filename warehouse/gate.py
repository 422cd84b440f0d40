"""The quality gate: nothing is published that fails it.

Rules that relate tables are queries in ``sql/checks`` that return bad rows, what columns may hold is in
:mod:`warehouse.column_rules`, and how far a night may be from what was known in :mod:`warehouse.relative_rules`. All
are judged in PerfDB, which takes milliseconds; the full gate has Great Expectations judge columns and changes as well.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import PurePosixPath

import duckdb

import sql
from warehouse.check_result import CheckResult
from warehouse.column_rules import ALLOWED, PLAN_KEY, PRESENT, RANGES, judged_rows
from warehouse.relative import Change, check_night


def run_checks(connection: duckdb.DuckDBPyConnection, full: bool) -> list[CheckResult]:
    """Run every check of what is there and, if ``full``, the Great Expectations suites (5 s to import)."""
    results = [_sql_check(connection, name) for name in sql.names("checks")]
    for table in RANGES:
        results += check_columns(connection, table)
    if full:
        from warehouse.expectations import check_tables

        results += check_tables(connection)
    return results


def compare_with_known(
    connection: duckdb.DuckDBPyConnection, full: bool, accepted: Collection[str] = ()
) -> tuple[list[CheckResult], list[Change]]:
    """Run the relative checks, by Great Expectations too if ``full``, and tell the changes that are let through because
    their rule is among ``accepted``.
    """
    results, let_through, others = check_night(connection, accepted)
    if full:
        from warehouse.expectations import check_changes

        results += check_changes(others)
    return results, let_through


def refusal(results: list[CheckResult]) -> str | None:
    """The first check that failed, in one line; None if all passed or were accepted."""
    failed = [result for result in results if result.refuses]
    if not failed:
        return None
    first = failed[0]
    more = f" ({len(failed) - 1} more checks failed)" if len(failed) > 1 else ""
    example = f", such as {first.example:.200}" if first.example else ""
    found = "bad rows" if not first.relative else "changes beyond what it allows"
    return f"the check {first.name!r} found {first.n_bad_rows} {found}{example}{more}"


def check_columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[CheckResult]:
    """Judge the columns of ``table`` by its rules; one result per rule, named as Great Expectations names it."""
    bad: dict[tuple[str, str], str] = {}
    for name in PRESENT[table]:
        bad[name, "column_values_to_not_be_null"] = f"{name} is null"
    for name, (low, high) in RANGES[table].items():
        beyond = [f"{name} < {low!r}"] if low is not None else []
        # Of doubles infinity is the highest and NaN above it: neither is a figure.
        beyond += [f"{name} > {high!r}"] if high is not None else [f"not isfinite({name}::double)"]
        bad[name, "column_values_to_be_between"] = " or ".join(beyond)
    for name, values in ALLOWED.get(table, {}).items():
        bad[name, "column_values_to_be_in_set"] = f"{name} not in {values!r}"
    if "plan_key" in PRESENT[table]:
        bad["plan_key", "column_values_to_match_regex"] = f"not regexp_matches(plan_key, '{PLAN_KEY}')"
    counts = [
        f"count(*) filter ({rule}), any_value({name}) filter ({rule})" for (name, _), rule in bad.items()
    ]
    statement = f"select {', '.join(counts)} from {table} where {judged_rows(table)}"  # noqa: S608 - our own rules
    row = connection.execute(statement).fetchall()[0]
    found = zip(bad, row[::2], row[1::2], strict=True)
    return [
        CheckResult(
            f"{table}.{name}: {rule}", "sql", n, json.dumps({name: example}, default=str) if n else None
        )
        for (name, rule), n, example in found
    ]


def _sql_check(connection: duckdb.DuckDBPyConnection, name: str) -> CheckResult:
    query = sql.read(name).rstrip().rstrip(";")
    row = connection.execute(
        f"select count(*), first(to_json(bad)) from ({query}\n) as bad"  # noqa: S608 - our own file
    ).fetchall()[0]
    return CheckResult(PurePosixPath(name).name, "sql", row[0], row[1])
