"""Files that people gave: known by their content, however often they are given."""

from __future__ import annotations

from warehouse.connection import reading
from warehouse.home import Home


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


def has_landed(home: Home, kind: str, digest: str) -> bool:
    """Whether the rows of the file with this hash wait for a refresh."""
    return any(home.landing.glob(f"{kind}-*-{digest[:16]}.parquet"))
