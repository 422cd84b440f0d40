"""What a mirror knows of its store: which version of which file it has."""

from __future__ import annotations

import threading
from pathlib import Path

from optiq.files.sqlite_file import open_shared

_TABLE = "create table if not exists files (name text primary key, version text not null) without rowid"


class MirrorRecord:
    """A small SQLite file beside the mirrored files; several threads and processes may use it."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = open_shared(path, _TABLE)

    def versions(self, part: str) -> dict[str, str]:
        """The version of the file ``part``, or of all files in the folder of that name."""
        statement = "select name, version from files where name = ? or substr(name, 1, ?) = ?"
        with self._lock:
            rows = self._connection.execute(statement, (part, len(part) + 1, f"{part}/")).fetchall()
        return dict(rows)

    def write(self, name: str, version: str) -> None:
        """This version of the file is here and in the store."""
        with self._lock:
            self._connection.execute("insert or replace into files values (?, ?)", (name, version))

    def remove(self, name: str) -> None:
        """The store has no such file, or another one."""
        with self._lock:
            self._connection.execute("delete from files where name = ?", (name,))
