"""Numbered migrations: each runs in one transaction with its record, in order, once."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import PurePosixPath

import duckdb

import sql

_VERSIONS = """
create table if not exists schema_versions (
    version integer primary key,
    name varchar not null,
    code_version varchar not null,
    applied_at timestamp not null
);
comment on table schema_versions is 'Migrations that made this file''s tables.';
comment on column schema_versions.version is 'Number of the migration.';
comment on column schema_versions.name is 'File in sql/migrations.';
comment on column schema_versions.code_version is 'Version of optiq that ran it.';
comment on column schema_versions.applied_at is 'When (UTC).';
"""


@cache  # to look it up takes 5 ms, and each migration is recorded with it
def code_version() -> str:
    """The version of optiq that runs."""
    try:
        return metadata.version("optiq")
    except metadata.PackageNotFoundError:
        return "unknown"


def migrations() -> list[tuple[int, str]]:
    """Number and name of every migration, in order."""
    return [(int(PurePosixPath(name).name.split("_")[0]), name) for name in sql.names("migrations")]


def newest_version() -> int:
    """The number of the latest migration that this version of optiq knows."""
    return migrations()[-1][0]


def pending(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str]]:
    """The migrations that the connection's file has not seen. Writes nothing."""
    try:
        done = {row[0] for row in connection.execute("select version from schema_versions").fetchall()}
    except duckdb.CatalogException:
        return migrations()
    return [(version, name) for version, name in migrations() if version not in done]


def migrate(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Bring the connection's file to the newest schema; returns the names of what ran.

    If a migration fails, its transaction is rolled back and the ones before it stay. A new file has all in one: each
    transaction waits for the disk.
    """
    waiting = pending(connection)
    if waiting == migrations():
        _run(connection, waiting, _VERSIONS)
    else:
        for one in waiting:
            _run(connection, [one])
    return [name for _, name in waiting]


def _run(connection: duckdb.DuckDBPyConnection, together: list[tuple[int, str]], first: str = "") -> None:
    connection.begin()
    try:
        connection.execute(first)
        for version, name in together:
            connection.execute(sql.read(name))
            connection.execute(
                "insert into schema_versions values (?, ?, ?, now()::timestamp)",
                [version, PurePosixPath(name).name, code_version()],
            )
        connection.commit()
    except BaseException:
        with suppress(duckdb.Error):  # a full disk has ended it already
            connection.rollback()
        raise
