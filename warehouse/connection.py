"""Connections to PerfDB: read-only and locked for everyone, writable for a refresh alone.

A reader attaches the published file to a connection of its own in memory. So a process that holds an
older snapshot open still gets the new one, and connections with other settings do not get in the way (DuckDB
otherwise hands out one shared instance per path and process).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from optiq.errors import PerfDBError
from warehouse.home import no_space

NAME = "perfdb"
_Settings = dict[str, str | bool | int | float | list[str]]
_NO_EXTENSIONS: _Settings = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
STORAGE_VERSION = "v1.0.0"
"""Format of the files that are published: DuckDB 1.1 and later read it (1.0 stumbles over primary keys)."""

DAMAGE = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException, duckdb.InternalException)
_START_AGAIN = "Restore a snapshot from its snapshots folder, or move it away and run `optiq init`."


def is_interrupt(fault: BaseException) -> bool:
    """Whether a person ended what DuckDB was at: it makes of Ctrl-C a ``RuntimeError``, which is nobody's fault."""
    return isinstance(fault, duckdb.InterruptException) or str(fault) == "Query interrupted"


@contextmanager
def reading(
    perfdb: Path, any_version: bool = False, memory_mb: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to a published PerfDB that reaches no file, no network and no setting.

    ``any_version`` takes a PerfDB of an older schema too; planning needs the present one. What exceeds ``memory_mb``
    is spilled to disk.

    Raises
    ------
    PerfDBError
        if the file is missing, is no PerfDB, is damaged, was made by a newer version, or by an older one.
    """
    if not perfdb.exists():
        raise PerfDBError(f"there is no PerfDB at {perfdb}", "Make one with `optiq init`.")
    kept = _KEPT.get()
    if kept is None:
        with _opened(perfdb, any_version, memory_mb) as connection:
            yield connection
        return
    status = perfdb.stat()
    key = (perfdb, status.st_ino, status.st_mtime_ns, any_version, memory_mb)
    if key not in kept.connections:
        kept.connections[key] = kept.open.enter_context(_opened(perfdb, any_version, memory_mb))
    with explained(perfdb):
        yield kept.connections[key]


@contextmanager
def readings_together() -> Iterator[None]:
    """Within, readings of one file one after the other share a connection: to open one takes 20 ms of CPU.

    They end with it, so that what is published meanwhile is read by the next.
    """
    if _KEPT.get() is not None:
        yield
        return
    with ExitStack() as stack:
        token = _KEPT.set(_Kept(stack))
        try:
            yield
        finally:
            _KEPT.reset(token)


@dataclass
class _Kept:
    open: ExitStack
    connections: dict[tuple[object, ...], duckdb.DuckDBPyConnection] = field(default_factory=dict)


_KEPT: ContextVar[_Kept | None] = ContextVar("_KEPT", default=None)


@contextmanager
def _opened(perfdb: Path, any_version: bool, memory_mb: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    # What a large query spills goes to the system's temporary folder, not to the one the user is in.
    spill = Path(tempfile.mkdtemp(prefix="optiq-"))  # its owner's alone
    settings = {**_NO_EXTENSIONS, "temp_directory": str(spill)}
    if memory_mb:
        settings["memory_limit"] = f"{memory_mb}MB"
    connection = silent(":memory:", settings)
    try:
        with explained(perfdb):
            connect_to(connection, perfdb, NAME)
            connection.execute(f"use {NAME}")
            connection.execute("set timezone = 'UTC'")
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            version = check_version(connection, perfdb)
            if not any_version:
                _require_current(version, perfdb)
            yield connection
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


def silent(database: str, settings: _Settings | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that writes nothing to the screen.

    Under ``python -c``, in notebooks and wherever else the main program is no file DuckDB takes the process for a
    person's and draws the progress of slow statements on stdout, also if that is a pipe or somebody's JSON.
    """
    connection = duckdb.connect(database, config=settings or {})
    # In a notebook without ipywidgets there is no bar, and DuckDB refuses to turn it off.
    with suppress(duckdb.InvalidInputException):
        connection.execute(
            "set enable_progress_bar = false"
        )  # no setting to begin with: it is the connection's own
    return connection


def connect_to(connection: duckdb.DuckDBPyConnection, file: Path, name: str) -> None:
    """Attach ``file`` to ``connection`` for reading, under ``name``, without a log that lies beside it.

    A published file never has one. Who opens it for writing and is killed leaves one, DuckDB would replay it, and
    on the next snapshot, which it does not fit, that fails.
    """
    with _apart_from_a_log(file) as path:
        connection.execute(f"attach '{quoted(path)}' as \"{name}\" (type duckdb, read_only)")


@contextmanager
def _apart_from_a_log(file: Path) -> Iterator[Path]:
    """``file``, or where a ``.wal`` lies beside it a second name of it in another folder, while it is opened."""
    if not log_of(file).exists():
        yield file
        return
    with tempfile.TemporaryDirectory(prefix="optiq-") as folder:
        path = Path(folder) / file.name
        try:  # DuckDB follows symbolic links to the file that has the log
            os.link(file, path)
        except OSError:
            shutil.copyfile(file, path)
        yield path


def log_of(file: Path) -> Path:
    """Where DuckDB keeps the write-ahead log of ``file`` while somebody writes it."""
    return file.with_name(f"{file.name}.wal")


def quoted(path: Path) -> str:
    """``path`` as it stands between quotes in SQL."""
    return str(path).replace("'", "''")


def pattern_of(path: Path) -> str:
    """What DuckDB's functions that read files take: the pattern of names that only ``path`` fits."""
    return re.sub(r"[*?[]", r"[\g<0>]", str(path))


@contextmanager
def writing(file: Path, spill: Path, memory_mb: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-write connection to a refresh's working file; ``spill`` takes what exceeds ``memory_mb``.

    Nothing of it is synced to disk: who breaks off throws the file away, and to publish it syncs the whole.
    """
    settings = {
        **_NO_EXTENSIONS,
        "fsync_mode": "NONE",
        "temp_directory": str(spill),
        "storage_compatibility_version": STORAGE_VERSION,  # of a new file; others keep theirs
    }
    if memory_mb:
        settings["memory_limit"] = f"{memory_mb}MB"
    with explained(file):
        connection = silent(str(file), settings)
        connection.execute("set timezone = 'UTC'")
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn DuckDB's faults with a file into one line that says what to do; a fault in our SQL stays a bug."""
    try:
        yield
    except duckdb.Error as fault:
        text = str(fault)
        if "Conflicting lock" in text or "different configuration" in text:
            raise PerfDBError(
                f"{file} is held open for writing by another program ({_first_line(text)})",
                "Close it there: PerfDB is opened read-only by everyone.",
            ) from None
        if "newer" in text and "version" in text:
            raise PerfDBError(
                f"{file} was written by a newer DuckDB", "Update optiq's environment."
            ) from None
        if "not a valid DuckDB" in text or "sqlite" in text:
            raise PerfDBError(f"{file} is not a DuckDB file", _START_AGAIN) from None
        if "ermission denied" in text:
            raise PerfDBError(f"{file} may not be read", "Ask for the right to read it.") from None
        if "No space left" in text or "quota exceeded" in text:
            raise no_space(file) from None
        if isinstance(fault, DAMAGE) or "orrupt" in text or "checksum" in text:
            raise PerfDBError(f"{file} is damaged ({_first_line(text)})", _START_AGAIN) from None
        raise


def check_version(connection: duckdb.DuckDBPyConnection, file: Path) -> int:
    """The schema version of the PerfDB that ``connection`` uses.

    Raises
    ------
    PerfDBError
        if it is no PerfDB, or one that was made by a newer version of optiq.
    """
    from warehouse.migrate import newest_version

    try:  # asking the catalog what tables there are takes ten times as long
        connection.execute("select 1 from executions, plan_statistics limit 0")
        version = connection.execute("select coalesce(max(version), 0) from schema_versions").fetchall()[0][0]
    except (duckdb.CatalogException, duckdb.BinderException):
        raise PerfDBError(f"{file} is a DuckDB file, but no PerfDB", _START_AGAIN) from None
    if version > newest_version():
        raise PerfDBError(
            f"{file} was made by a newer version of optiq (its schema is {version}, ours {newest_version()})",
            "Update optiq, or restore an earlier snapshot from its snapshots folder.",
        )
    return int(version)


def _require_current(version: int, file: Path) -> None:
    from warehouse.migrate import newest_version

    if version < newest_version():
        raise PerfDBError(
            f"{file} was made by an older optiq (its schema is {version}, ours {newest_version()})",
            "Bring it up to date with `optiq refresh`.",
        )


def _first_line(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) < 160 else line[:157] + "..."
