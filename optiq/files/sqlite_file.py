"""SQLite files that several threads and processes of a machine write at once."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from optiq.files.private import is_shared

_PATIENCE_S = 30.0


def open_shared(path: Path, tables: str) -> sqlite3.Connection:
    """A connection for any thread, with write-ahead log and ``tables``; each statement is a transaction.

    A killed process loses nothing; only a power cut may take the last writes. ``sqlite3.Error`` as SQLite
    raises it.
    """
    if not path.exists() and not any(is_shared(folder) for folder in path.parents):
        # Its owner's alone from the first moment; the logs beside it get its mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            # SQLite does not wait here when another process makes the same file at the same moment.
            connection.execute("pragma journal_mode = wal")
            break
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection.execute("pragma synchronous = normal")
    connection.executescript(tables)
    return connection
