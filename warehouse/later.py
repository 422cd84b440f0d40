"""What was merged after a snapshot: how much that is, and landed again file by file.

Tables keep every column of the files that they were merged from, so what a file brought can be written as it was, with
the name and digest of the file that a person gave. A file is brought back with the scores that came to it later.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

import sql
from warehouse.faults import columns_of
from warehouse.home import Home
from warehouse.landing import LandingWriter


@dataclass(frozen=True, slots=True)
class Later:
    """What the database ``after`` has and ``before`` lacks: rows, landed files, and since when (UTC)."""

    n_executions: int
    n_figures: int
    n_files: int
    since: datetime | None


def later(connection: duckdb.DuckDBPyConnection) -> Later:
    """What is in the attached database ``after`` and not in ``before``."""
    connection.execute(sql.read("later/files"))
    return Later(*connection.execute(sql.read("later/counts")).fetchall()[0])


@contextmanager
def landing_later(home: Home, connection: duckdb.DuckDBPyConnection) -> Iterator[list[Path]]:
    """Write what :func:`later` found to landing; at the end of the block, if it succeeds, the files appear there.

    The list that the block gets is filled then.
    """
    landed: list[Path] = []
    with ExitStack() as stack:
        writers = []
        files = "select file_id, kind, file, source_file, source_hash from later_files order by ingestion"
        for file_id, kind, name, source_file, source_hash in connection.execute(files).fetchall():
            connection.execute("set variable file_id = $id", {"id": file_id})
            given = {"source_file": source_file, "source_hash": source_hash}
            metadata = {key: value for key, value in given.items() if value}
            label = Path(name).stem.removeprefix(f"{kind}-").rpartition("-")[0]
            for part in dict.fromkeys((kind, "rejects")):
                # By the digest in its name an ingest knows that a file has landed already.
                digest = source_hash if source_hash and part != "rejects" else file_id
                writer = LandingWriter(home, part, label, digest, columns_of(part), metadata)
                stack.callback(writer.discard)
                writer.append(_rows(connection, part))
                if writer.rows or part == kind != "rejects":
                    writers.append(writer)
        yield landed
        landed += [writer.commit() for writer in writers]


def _rows(connection: duckdb.DuckDBPyConnection, kind: str) -> pl.DataFrame:
    """What the file of the variable file_id brought, with the columns of landed files of ``kind``."""
    columns = columns_of(kind)
    found = connection.sql(sql.read(f"later/{kind}")).pl()
    missing = [
        pl.lit(None, dtype).alias(name) for name, dtype in columns.items() if name not in found.columns
    ]
    return found.with_columns(missing).select(columns.names()).cast(columns)
