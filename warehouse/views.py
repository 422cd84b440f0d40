"""Views and level tables: what people read of PerfDB. Views compute when they are read, level tables are filled."""

from __future__ import annotations

import hashlib

import duckdb

import sql
from warehouse.migrate import migrations

LEVELS = {
    0: "single models",
    1: "one chain or one blend of single models",
    2: "plans nested two deep",
    3: "plans nested three deep",
    4: "plans nested four deep or deeper",
}
"""What is in ``level_0`` … ``level_4`` (Opti-Q, section 3.2)."""


def remake_views(connection: duckdb.DuckDBPyConnection) -> bool:
    """Make the views and the level tables anew, with their comments, if their SQL or the tables below changed.

    Whether it did: level tables are then empty. The caller holds the transaction.
    """
    views = [sql.read(name) for name in sql.names("views")]
    table = sql.read("levels/table")
    versions = " ".join(name for _, name in migrations())
    digest = hashlib.sha256("\n".join([versions, table, *views]).encode()).hexdigest()
    if connection.execute("select digest from views_basis").fetchall() == [(digest,)]:
        return False
    for statements in views:
        connection.execute(statements)
    said = dict(
        connection.execute(
            "select column_name, comment from duckdb_columns() "
            "where database_name = current_database() and table_name = 'plan_statistics'"
        ).fetchall()
    )
    for level, what in LEVELS.items():
        name = f"level_{level}"
        connection.execute(_of_level(table, level))
        _comment(connection, f"table {name}", f"What is known of {what}; the rest is in {name}_detail.")
        detail = f"{name}_detail"
        _comment(connection, f"table {detail}", f"The other figures of {name}, by topic, task and plan_key.")
        for column in connection.table(detail).columns:
            _comment(connection, f"column {detail}.{column}", said[column])
    connection.execute("delete from views_basis")
    connection.execute("insert into views_basis values (?)", [digest])
    return True


def fill_levels(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill the level tables from ``plan_statistics`` and ``model_figures``. The caller holds the transaction."""
    connection.execute(sql.read("levels/rows"))
    fill = sql.read("levels/fill")
    for level in LEVELS:
        connection.execute(_of_level(fill, level))
    connection.execute("drop table level_rows")


def _of_level(statements: str, level: int) -> str:
    return statements.replace("level_0", f"level_{level}")


def _comment(connection: duckdb.DuckDBPyConnection, on: str, comment: str) -> None:
    text = comment.replace("'", "''")
    connection.execute(f"comment on {on} is '{text}'")
