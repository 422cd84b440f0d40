"""SQLite files that several threads and processes of a machine write at once."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from optiq.errors import OptiqError
from optiq.files.private import is_shared

_PATIENCE_S = 30.0
_OTHERS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
"""Faults of a moment: another process is at the file."""
_LOOKED_THROUGH = 32 * 2**20  # bytes that are looked through in a blink


def open_shared(path: Path, tables: str) -> sqlite3.Connection:
    """A connection for any thread, with write-ahead log and ``tables``; each statement is a transaction.

    A killed process loses nothing; only a power cut may take the last writes. ``sqlite3.Error`` as SQLite
    raises it.
    """
    if not path.exists():
        # Its owner's alone from the first moment, or with the mode of the umask: SQLite itself would let nobody else
        # write in either case. The logs beside it get its mode.
        shared = any(is_shared(folder) for folder in path.parents)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666 if shared else 0o600))
    connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            # SQLite does not wait here when another process makes the same file at the same moment.
            connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError as fault:
            # A full or read-only disk is as full in half a minute: the byte beside is a detail of the same fault
            if fault.sqlite_errorcode & 0xFF not in _OTHERS or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("pragma synchronous = normal")
    connection.executescript(tables)
    return connection


@contextmanager
def changing(connection: sqlite3.Connection, path: str | Path | None, then: str) -> Iterator[None]:
    """One transaction in the file ``path``: all of it or nothing; nobody else writes meanwhile, in any process.

    The caller holds the connection's lock. Faults as in :func:`written`; what else is raised inside goes through.
    """
    with written(path, then):
        try:
            connection.execute("begin immediate")
            yield
            connection.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite itself takes it back where it has no room
                connection.execute("rollback")
            raise


@contextmanager
def written(path: str | Path | None, then: str) -> Iterator[None]:
    """What is written to the file ``path`` inside; a single statement is a transaction of its own.

    ``then`` says what to do once the disk is in order.

    Raises
    ------
    OptiqError
        if SQLite cannot write it, as on a full disk.
    """
    try:
        yield
    except sqlite3.Error as fault:
        raise OptiqError(f"{path} cannot be written: {fault}", f"Check the disk; {then}.") from None


def set_aside_if_damaged(path: Path, *, thorough: bool = False) -> Path | None:
    """Rename ``path``, which others can do without, if it is no whole SQLite file; its new name, else None.

    A large file is looked through to its end only if ``thorough``. What is locked or cannot be read is not damaged.
    """
    if not path.is_file():
        return None
    fault: sqlite3.Error | None = None
    try:
        connection = sqlite3.connect(path, timeout=_PATIENCE_S)
        try:
            connection.execute("select count(*) from sqlite_master").fetchone()
            if thorough or path.stat().st_size <= _LOOKED_THROUGH:
                [[said]] = connection.execute("pragma quick_check(1)").fetchall()
                if said != "ok":
                    fault = sqlite3.DatabaseError(said)
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as found:
        fault = found
    if fault is None:
        return None
    for number in range(1, 10**6):
        target = path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")
        if not target.exists():
            break
    path.replace(target)
    for tail in ("-wal", "-shm"):  # they belong to the file that was moved, and would spoil the next
        with suppress(FileNotFoundError):
            path.with_name(path.name + tail).replace(target.with_name(target.name + tail))
    return target
