"""The quality gate: nothing is published that fails it.

Rules that relate tables are queries in ``sql/checks`` that return bad rows; what columns may hold is in a
Great Expectations suite per table (:mod:`warehouse.expectations`).
"""

from __future__ import annotations

from pathlib import PurePosixPath

import duckdb

import sql
from warehouse.check_result import CheckResult


def run_checks(connection: duckdb.DuckDBPyConnection, full: bool) -> list[CheckResult]:
    """Run every SQL check and, if ``full``, the Great Expectations suites (5 s to import)."""
    results = [_sql_check(connection, name) for name in sql.names("checks")]
    if full:
        from warehouse.expectations import check_tables

        results += check_tables(connection)
    return results


def refusal(results: list[CheckResult]) -> str | None:
    """The first check that failed, in one line; None if all passed."""
    failed = [result for result in results if not result.passed]
    if not failed:
        return None
    first = failed[0]
    more = f" ({len(failed) - 1} more checks failed)" if len(failed) > 1 else ""
    example = f", such as {first.example:.200}" if first.example else ""
    return f"the check {first.name!r} found {first.n_bad_rows} bad rows{example}{more}"


def _sql_check(connection: duckdb.DuckDBPyConnection, name: str) -> CheckResult:
    query = sql.read(name).rstrip().rstrip(";")
    row = connection.execute(
        f"select count(*), first(to_json(bad)) from ({query}\n) as bad"  # noqa: S608 - our own file
    ).fetchall()[0]
    return CheckResult(PurePosixPath(name).name, "sql", row[0], row[1])
