"""Migrations: in order, once, each with its record; everything is documented in the database itself."""

from __future__ import annotations

import duckdb
import pytest

import sql
from optiq.errors import PerfDBError
from warehouse import migrate
from warehouse.home import Home
from warehouse.query import query
from warehouse.statistics import load_statistics


def test_numbers_rise() -> None:
    numbers = [version for version, _ in migrate.migrations()]
    assert numbers == sorted(set(numbers))


def test_running_twice_changes_nothing() -> None:
    connection = duckdb.connect()
    assert migrate.pending(connection) == migrate.migrations()
    assert migrate.migrate(connection) == [name for _, name in migrate.migrations()]
    assert migrate.pending(connection) == []
    assert migrate.migrate(connection) == []


def test_a_failing_migration_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = duckdb.connect()
    migrate.migrate(connection)
    broken = (migrate.newest_version() + 1, "migrations/9999_broken")
    real = sql.read
    monkeypatch.setattr(migrate, "migrations", lambda: [broken])
    monkeypatch.setattr(
        sql,
        "read",
        lambda name: "create table half (x int); select 1/'a';" if name == broken[1] else real(name),
    )
    with pytest.raises(duckdb.Error):
        migrate.migrate(connection)
    assert connection.execute(
        "select count(*) from duckdb_tables() where table_name = 'half'"
    ).fetchall() == [(0,)]
    assert connection.execute("select max(version) from schema_versions").fetchall() == [(broken[0] - 1,)]


def test_every_table_view_and_column_has_a_comment(home: Home) -> None:
    tables = query(
        home.perfdb,
        "select table_name from duckdb_tables() where database_name = 'perfdb' and comment is null "
        "union all select view_name from duckdb_views() "
        "where database_name = 'perfdb' and not internal and comment is null",
    )
    assert tables.rows() == []
    columns = query(
        home.perfdb,
        "select table_name, column_name from duckdb_columns() "
        "where database_name = 'perfdb' and not internal and comment is null",
    )
    assert columns.rows() == []


def test_a_perfdb_of_an_older_version_says_how_to_bring_it_up_to_date(home: Home) -> None:
    with duckdb.connect(str(home.perfdb)) as older:
        older.execute(
            "delete from schema_versions where version = (select max(version) from schema_versions)"
        )
    with pytest.raises(PerfDBError, match="optiq refresh"):
        load_statistics(home.perfdb)
    assert query(home.perfdb, "select 1 as one")["one"].to_list() == [1]
