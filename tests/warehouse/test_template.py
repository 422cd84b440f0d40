"""A new PerfDB is made from a template in the user's cache, and without it where the cache is of no use."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from benchmarks.refresh.compare import differences
from warehouse.connection import writing
from warehouse.home import Home
from warehouse.migrate import migrate, migrations, pending
from warehouse.refresh import init
from warehouse.template import start_new
from warehouse.views import remake_views

CATALOG = (
    "select table_name, comment from duckdb_tables() where not internal order by all",
    "select view_name, sql, comment from duckdb_views() where not internal order by all",
    "select table_name, column_name, data_type, column_default, is_nullable, comment from duckdb_columns() "
    "where not internal order by all",
    "select table_name, constraint_text from duckdb_constraints() order by all",
    "select version, name from schema_versions order by all",
)


def catalog(file: Path) -> list[list[tuple[object, ...]]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return [connection.execute(query).fetchall() for query in CATALOG]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "optiq"


def test_what_is_copied_is_what_migrations_and_views_make(cache: Path, tmp_path: Path) -> None:
    with writing(tmp_path / "whole.duckdb", tmp_path) as connection:
        migrate(connection)
        remake_views(connection)
    start_new(tmp_path / "first.duckdb", tmp_path)
    (kept,) = cache.iterdir()
    made = kept.stat().st_mtime_ns
    start_new(tmp_path / "second.duckdb", tmp_path)
    assert kept.stat().st_mtime_ns == made, "it was copied, not made again"
    with duckdb.connect(str(tmp_path / "second.duckdb")) as connection:
        assert not pending(connection)
        assert not remake_views(connection)
    whole = catalog(tmp_path / "whole.duckdb")
    assert len(whole[-1]) == len(migrations())
    assert catalog(tmp_path / "first.duckdb") == whole
    assert catalog(tmp_path / "second.duckdb") == whole


def test_a_perfdb_is_the_same_with_and_without_it(cache: Path, tmp_path: Path) -> None:
    homes = [Home(tmp_path / name) for name in ("first", "second")]
    names = [init(home).snapshot_id for home in homes]
    assert names[0] == names[1]
    assert not differences(homes[0].path, homes[1].path)


def test_a_user_without_a_folder_has_no_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    start_new(tmp_path / "new.duckdb", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new.duckdb"]


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign", "gone"])
def test_a_cache_that_is_of_no_use_harms_nothing(cache: Path, tmp_path: Path, damage: str) -> None:
    start_new(tmp_path / "first.duckdb", tmp_path)
    (kept,) = cache.iterdir()
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.chmod(0o600)
    if damage == "cut":
        os.truncate(kept, kept.stat().st_size // 2)
    elif damage == "changed":
        kept.write_bytes(content)
    elif damage == "foreign":
        kept.write_text("no database")
    else:
        kept.unlink()
        cache.rmdir()
        cache.parent.chmod(0o500)
    start_new(tmp_path / "second.duckdb", tmp_path)
    assert catalog(tmp_path / "second.duckdb") == catalog(tmp_path / "first.duckdb")
    if damage != "gone":  # a user of all rights could write there all the same
        assert [path.read_bytes() for path in cache.iterdir()] == [(tmp_path / "second.duckdb").read_bytes()]
