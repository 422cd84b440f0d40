"""Files that were merged, landed or given by people before: known by their content, however often they are given."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from warehouse.connection import reading
from warehouse.home import Home
from warehouse.landing import LandedFile, landed


def merged_among(connection: duckdb.DuckDBPyConnection, files: Sequence[LandedFile]) -> set[str]:
    """The ``file_id`` of those ``files`` that were merged. What was set aside may be tried again."""
    query = "select file_id from ingested_files where refused_because is null and file_id in (select unnest($ids))"
    return {row[0] for row in connection.execute(query, {"ids": [f.file_id for f in files]}).fetchall()}


def merged_sources(home: Home) -> set[str]:
    """Hashes of the files whose rows are published. What was set aside may be tried again."""
    if not home.perfdb.exists():
        return set()
    with reading(home.perfdb, any_version=True) as connection:
        rows = connection.execute(
            # An older PerfDB has no column refused_because, and nothing that may be tried again.
            "select source_hash from ingested_files as one where source_hash is not null "
            "and kind not in ('rejects', 'trials') and to_json(one) ->> 'refused_because' is null"
        ).fetchall()
    return {row[0] for row in rows}


def sources_by_name(home: Home) -> dict[str, set[str]]:
    """Hashes of the traces files that are published or wait for a refresh, by the name that they were given under."""
    found: dict[str, set[str]] = {}
    if home.perfdb.exists():
        with reading(home.perfdb, any_version=True) as connection:
            for name, digest in connection.execute(
                "select source_file, source_hash from ingested_files where kind = 'traces' and source_file is not null"
            ).fetchall():
                found.setdefault(name, set()).add(digest)
    for file in landed(home):
        name, digest = file.source() if file.kind == "traces" else (None, None)
        if name and digest:
            found.setdefault(name, set()).add(digest)
    return found


def has_landed(home: Home, kind: str, digest: str) -> bool:
    """Whether the rows of the file with this hash wait for a refresh."""
    return any(home.landing.glob(f"{kind}-*-{digest[:16]}.parquet"))
