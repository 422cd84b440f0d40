"""What was answered and what came of it, in one SQLite file: a stopped selection goes on where it was.

``responses`` keeps raw answers by request, with the latency that they had when they were made; ``outcomes`` keeps
what each run gave, by subject, metric, example, combination and trial.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import orjson

from optiq.errors import InputError, OptiqError, OptiqWarning
from optiq.files.sqlite_file import open_shared, written
from optiq.selection.evidence import Outcome, RoleCalls

_SCHEMA = """
create table if not exists responses (
    key text primary key, status integer not null, headers text not null, body blob not null, latency_s real not null
) without rowid;
create table if not exists outcomes (key text primary key, outcome text not null) without rowid;
"""


@dataclass(frozen=True, slots=True)
class Response:
    """A kept answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    latency_s: float


class Store:
    """Usable from any thread, and by several processes at once."""

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._db = open_shared(Path(path), _SCHEMA)
        except (sqlite3.DatabaseError, OSError) as fault:
            raise InputError(
                f"cannot keep responses in {path}: {fault}",
                "Delete the file if it is damaged, or name another.",
            ) from None

    def response(self, key: str) -> Response | None:
        """The kept answer to a request."""
        with self._lock:
            row = self._db.execute(
                "select status, headers, body, latency_s from responses where key = ?", (key,)
            ).fetchone()
        return None if row is None else Response(row[0], orjson.loads(row[1]), row[2], row[3])

    def keep_response(self, key: str, response: Response) -> None:
        """Keep an answer; one that is there stays. Where there is no room it is not kept, with a warning."""
        row = (
            key,
            response.status,
            orjson.dumps(response.headers).decode(),
            response.body,
            response.latency_s,
        )
        try:
            with self._lock, self._written():
                self._db.execute("insert or ignore into responses values (?, ?, ?, ?, ?)", row)
        except OptiqError as fault:  # it is paid for: who asked gets it all the same
            warnings.warn(f"an answer is not kept: {fault}", OptiqWarning, stacklevel=2)

    def outcome(self, key: str) -> Outcome | None:
        """What a run gave earlier."""
        with self._lock:
            row = self._db.execute("select outcome from outcomes where key = ?", (key,)).fetchone()
        if row is None:
            return None
        kept = json.loads(row[0])
        split, made = kept.pop("role_cost_usd"), kept.pop("role_calls", None)
        return Outcome(
            **kept,
            role_cost_usd=None if split is None else tuple(split),
            role_calls=None if made is None else tuple(RoleCalls(*one) for one in made),
        )

    def keep_outcome(self, key: str, outcome: Outcome) -> None:
        """Keep what a run gave; an :class:`OptiqError` where there is no room."""
        told = orjson.dumps(outcome, default=list, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        with self._lock, self._written():
            self._db.execute("insert or replace into outcomes values (?, ?)", (key, told))

    def forget_outcomes(self) -> None:
        """Run everything again, on kept responses."""
        with self._lock, self._written():
            self._db.execute("delete from outcomes")

    def close(self) -> None:
        """Give back the file."""
        with self._lock:
            self._db.close()

    def _written(self) -> AbstractContextManager[None]:
        return written(self._path, "the same command goes on")
