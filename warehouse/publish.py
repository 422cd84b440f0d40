"""Publish a working PerfDB: synced and renamed over the old one.

The rename is atomic. Whoever has the old file open keeps it; whoever opens next gets the new one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import duckdb

from optiq.files.private import read_only
from warehouse.connection import STORAGE_VERSION, log_of, quoted
from warehouse.home import Home
from warehouse.landing import sync_folder

# Free space that a copy is worth: it takes a second part of what a small refresh takes.
_FREE_SHARE = 0.25
_FREE_BYTES = 32 * 2**20


def compact(connection: duckdb.DuckDBPyConnection, working: Path) -> Path:
    """Write the last of ``working``, which ``connection`` has open; the file to publish once that is closed.

    It is ``working``, or a compact copy of it (``copy from database``) if much of it is free space or it was made
    in a format that older DuckDBs cannot read. A refresh rewrites the statistics, so a PerfDB of some size is
    compacted now and then; a large one, whose executions only grow, is seldom copied again.
    """
    connection.execute("checkpoint")
    name, total, free, block, version = connection.execute(
        "select database_name, total_blocks, free_blocks, block_size, tags['storage_version'] "
        "from pragma_database_size() inner join duckdb_databases() using (database_name) "
        "where database_name = current_database()"
    ).fetchall()[0]
    readable = version.startswith(STORAGE_VERSION)
    if readable and (free * block <= _FREE_BYTES or free <= _FREE_SHARE * total):
        return working
    copy = working.with_name(f"compact-{working.name}")
    connection.execute(
        f"attach '{quoted(copy)}' as compact (type duckdb, storage_version '{STORAGE_VERSION}')"
    )
    connection.execute(f'copy from database "{name}" to compact')
    connection.execute("detach compact")
    return copy


def published_before(home: Home) -> Path:
    """Where :func:`publish` leaves the file that was published before, if there was one, for the one to copy next."""
    return home.work / "before.duckdb"


def publish(home: Home, working: Path) -> None:
    """Rename ``working``, a closed PerfDB in the home, over the published one.

    A write-ahead log that somebody left beside the published one goes first: it says nothing of the new one, and
    would make it unreadable to other DuckDB clients.
    """
    with working.open("rb") as file:
        os.fsync(file.fileno())
    read_only(working)  # a published file is immutable
    log_of(home.perfdb).unlink(missing_ok=True)
    with suppress(OSError):  # there is none, or the file system knows one name per file
        os.link(home.perfdb, published_before(home))
    working.replace(home.perfdb)
    sync_folder(home.path)
