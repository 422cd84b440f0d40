"""Compare two PerfDBs, table by table.

python -m benchmarks.refresh.compare published|all HOME TWIN EXECUTIONS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb

from warehouse.connection import connect_to
from warehouse.find_home import find_home

# Written by the refresh itself: when, and from which snapshots.
_OF_THE_RUN = ("snapshots", "quality_checks", "schema_versions")
_TIMES = ("ingested_at", "applied_at")


def published(home: Path, executions: int) -> tuple[bool, list[str]]:
    """Whether the new executions are published; a fault if it is neither none nor all of them."""
    with duckdb.connect() as connection:
        connect_to(connection, find_home(home).perfdb, "now")
        there = connection.execute("select count(*) from now.executions").fetchall()[0][0]
    faults = [] if there in (0, executions) else [f"{there} of {executions} executions are published"]
    return there == executions, faults


def differences(home: Path, twin: Path) -> list[str]:
    """The tables that differ.

    Sums are added up in any order, so figures are compared to nine digits, and what is left of a sum that comes to 0
    (deviations from their own mean) is 0.
    """
    faults = []
    with duckdb.connect(config={"memory_limit": "1500MB"}) as connection:
        connect_to(connection, find_home(home).perfdb, "now")
        connect_to(connection, find_home(twin).perfdb, "twin")
        names = "select table_name from duckdb_tables() where database_name = ? order by all"
        tables = [row[0] for row in connection.execute(names, ["twin"]).fetchall()]
        if [row[0] for row in connection.execute(names, ["now"]).fetchall()] != tables:
            return ["the tables have other names"]
        for table in tables:
            if table in _OF_THE_RUN:
                continue
            now, then = (_rows(connection, name, table) for name in ("now", "twin"))
            sizes = connection.execute(
                f"select (select count(*) from ({now})), (select count(*) from ({then}))"  # noqa: S608
            )
            here, there = sizes.fetchall()[0]
            differ = connection.execute(
                f"select count(*) from (({now} except all {then}) union all ({then} except all {now}))"  # noqa: S608
            ).fetchall()[0][0]
            if differ or here != there:
                faults.append(f"{table}: {here} rows, {there} in the undisturbed run, {differ} differ")
    return faults


def _rows(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> str:
    columns = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? and table_name = ? "
        "order by column_index",
        [database, table],
    ).fetchall()
    chosen = []
    for name, kind in columns:
        if name in _TIMES:
            continue
        if kind == "DOUBLE":
            chosen.append(f'{_told(name)} as "{name}"')
        elif kind.startswith("STRUCT(n ") or kind.startswith("STRUCT(n,"):
            fields = [field.split(" ")[0].strip('"') for field in kind[7:-1].split(", ")]
            told = [_told(f'{name}"."{field}') for field in fields]
            chosen.append(f"concat_ws(' ', {', '.join(told)}) as \"{name}\"")
        else:
            chosen.append(f'"{name}"')
    return f'select {", ".join(chosen)} from "{database}"."{table}"'  # noqa: S608


def _told(name: str) -> str:
    figure = f'"{name}"::double'
    return f"printf('%.8e', case when abs({figure}) < 1e-12 then 0 else {figure} end)"


def main() -> None:
    """Print what was found as JSON."""
    what, home, twin, executions = sys.argv[1:]
    there, faults = published(Path(home), int(executions))
    if what == "all":
        faults += differences(Path(home), Path(twin))
    print(json.dumps({"published": there, "faults": faults}))


if __name__ == "__main__":
    main()
