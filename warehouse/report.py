"""What a report shows, read from the chart views of a published PerfDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import sql
from optiq.errors import PerfDBError, UnknownName
from warehouse.connection import explained, reading

POINTS = 500
"""Most points of one chart; four charts of predicted against observed make 2,000."""


class ReportSource:
    """A PerfDB file as reports read it. Every frame is sorted, so that a page is reproducible."""

    def __init__(self, perfdb: Path) -> None:
        self._perfdb = perfdb
        with reading(perfdb, any_version=True) as connection:
            found = connection.execute("select view_name from duckdb_views()").fetchall()
            self.views = frozenset(str(row[0]) for row in found)
            if "chart_frontier" not in self.views:
                raise PerfDBError(
                    f"{perfdb} was made before there were reports",
                    "Bring it up to date with `optiq refresh`.",
                )

    def frame(self, name: str, **values: Any) -> pl.DataFrame:
        """The result of ``sql/queries/report_<name>.sql`` with ``values`` as its parameters."""
        return self.frames([(name, values)])[0]

    def frames(self, queries: Sequence[tuple[str, dict[str, Any]]]) -> list[pl.DataFrame]:
        """The results of several queries on one connection."""
        with reading(self._perfdb, any_version=True) as connection, explained(self._perfdb):
            return [self._read(connection, name, values) for name, values in queries]

    def run_named(self, name: str) -> str:
        """The merged run that is, or begins like, ``name``; ``last`` is the latest.

        Raises
        ------
        UnknownName
            if there is none, or more than one.
        """
        runs = [str(run) for run in self.frame("last_run")["run_id"]]
        found = runs[:1] if name == "last" else [run for run in runs if run.startswith(name)]
        if name in runs:
            return name
        if len(found) == 1:
            return found[0]
        what = "PerfDB has no run" if not found else f"PerfDB has {len(found)} runs"
        named = "" if name == "last" else f" named {name!r}"
        remedy = "`optiq refresh` brings in runs that have just ended; `optiq runs list` shows all."
        raise UnknownName(f"{what}{named}", remedy)

    @staticmethod
    def _read(connection: duckdb.DuckDBPyConnection, name: str, values: dict[str, Any]) -> pl.DataFrame:
        return connection.sql(sql.read(f"queries/report_{name}"), params=values or None).pl()
