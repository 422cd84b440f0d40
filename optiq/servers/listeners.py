"""Who listens on a port of this machine: any user of it can, and be told what was meant for somebody else's server."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENS = "0A"
_FIRST_PERSON = 1000
"""Below are the superuser and the system's own services, which keep what listens for a person (Docker's, Ollama's)."""


def another_person_listens(port: int) -> bool:
    """Whether a person other than the user has a socket that listens on TCP ``port``; False where nobody can tell."""
    own = {os.getuid(), os.geteuid()} if hasattr(os, "getuid") else set()
    return any(uid >= _FIRST_PERSON and uid not in own for uid in _listening(port, _rows()))


def _rows() -> Iterable[str]:
    for table in _TABLES:
        try:
            yield from Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue  # no Linux, or no IPv6


def _listening(port: int, rows: Iterable[str]) -> list[int]:
    """The users of the sockets among ``rows`` (as in proc(5)) that listen on ``port`` of any address."""
    fields = (row.split() for row in rows)
    return [
        int(row[7])
        for row in fields
        if len(row) > 7 and row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port
    ]
