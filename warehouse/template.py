"""What a new PerfDB starts from: its empty tables and views, made once per version and kept in the user's cache.

To make them takes DuckDB half a second of CPU, most of it for a thousand comments; to copy them takes none. Whatever is
wrong with the cache, a PerfDB is made without it.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import duckdb

import sql
from optiq.files.copying import copy, copy_apart
from warehouse.connection import STORAGE_VERSION, writing
from warehouse.landing import content_hash
from warehouse.migrate import code_version, migrate, migrations


def start_new(working: Path, spill: Path) -> None:
    """Make ``working``, a file that is not there yet, with the tables of this version and nothing in them."""
    folder, version = _folder(), _version()
    for kept in folder.glob(f"perfdb-{version}-*.duckdb") if folder else ():
        with suppress(OSError):
            if kept.stem.endswith(content_hash(kept)):
                copy(kept, working)
                return
        working.unlink(missing_ok=True)  # the copy of a part
    with writing(working, spill) as connection:
        from warehouse.views import remake_views

        migrate(connection)
        connection.begin()
        remake_views(connection)
        connection.commit()
    if folder:
        with suppress(OSError):
            _keep(working, folder, version)


def _keep(working: Path, folder: Path, version: str) -> None:
    """Keep a copy in the place of all others; its name says what is in it, so that damage shows."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = folder / f"perfdb-{version}-{content_hash(working)}.duckdb"
    temporary = kept.with_name(f".{os.getpid()}.new")
    try:
        copy_apart(working, temporary)
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)
    for other in folder.glob("perfdb-*.duckdb"):
        if other != kept:
            other.unlink()


def _folder() -> Path | None:
    """Where it is kept; nowhere, for a user who has no folder of their own."""
    with suppress(RuntimeError):  # no home is known
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return base / "optiq" if base.is_absolute() else None
    return None


def _version() -> str:
    """What tells files from others that were made of other SQL or by other programs."""
    texts = [sql.read(name) for name in (*sql.names("views"), "levels/table")]
    texts += [text for _, name in migrations() for text in (name, sql.read(name))]
    made_by = (code_version(), duckdb.__version__, STORAGE_VERSION)
    return hashlib.sha256("\0".join([*made_by, *texts]).encode()).hexdigest()[:32]
