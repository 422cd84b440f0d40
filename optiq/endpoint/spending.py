"""What clients spend per day and ask per minute, over all processes on a home.

A key with a limit per day has an account of that day (UTC) in a :class:`~optiq.execution.ledger.Ledger`: calls are
written down at their most before they go out, so that what is spent and in flight is never above the limit, whatever
is killed. Beside it stand what others spent, and when each key asked.
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from optiq.endpoint.keys import Key
from optiq.endpoint.refusals import Refusal
from optiq.execution.ledger import Ledger
from optiq.files.sqlite_file import changing, open_shared

NOBODY = "-"
"""The name of who shows no key, where none is asked for."""

_TABLES = """
create table if not exists noted (key text, day text, usd real not null, primary key (key, day)) without rowid;
create table if not exists asked (key text primary key, left_over real not null, at real not null) without rowid;
"""
_NOTE = "insert into noted values (?, ?, ?) on conflict do update set usd = usd + excluded.usd"


class Spending:
    """What is kept in ``folder``, for the event loop of a process and its threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ledgers_path = folder / "ledger.sqlite"
        self._path = folder / "clients.sqlite"
        self._db = open_shared(self._path, _TABLES)
        self._lock = threading.RLock()
        self._ledgers: dict[tuple[Key, str], Ledger] = {}
        self._unwritten: defaultdict[str, float] = defaultdict(float)

    def client(self, key: Key | None) -> Client:
        """Who spends."""
        return Client(self, key)

    def ledger(self, key: Key) -> Ledger | None:
        """The account of a key today; None if it has no limit."""
        if key.max_cost_per_day is None:
            return None
        day = _today()
        with self._lock:
            if (key, day) not in self._ledgers:
                # Those of other days stay open for what is in flight since then; there are few.
                self._ledgers[key, day] = Ledger(
                    key.max_cost_per_day, path=self._ledgers_path, account=f"{key.name}/{day}"
                )
            return self._ledgers[key, day]

    def admit(self, key: Key) -> None:
        """Count a request; a :class:`Refusal` (429) if it comes too soon."""
        if key.requests_per_minute is None:
            return
        now, most = time.time(), float(key.requests_per_minute)
        with self._transaction():
            row = self._db.execute("select left_over, at from asked where key = ?", (key.name,)).fetchone()
            left, at = row or (most, now)
            left = min(most, left + max(now - at, 0.0) * most / 60)
            admitted = left >= 1
            self._db.execute(
                "insert or replace into asked values (?, ?, ?)", (key.name, left - admitted, max(now, at))
            )
        if not admitted:
            raise Refusal(
                429,
                f"key {key.name} may ask {most:g} times per minute",
                "Wait a little.",
                kind="rate_limit_error",
                code="rate_limit_exceeded",
                retry_after_s=math.ceil((1 - left) * 60 / most),
            )

    def note(self, name: str, spent_usd: float) -> None:
        """So much was spent by who has no limit; :meth:`flush` writes it."""
        if spent_usd:
            with self._lock:
                self._unwritten[name] += spent_usd

    def flush(self) -> None:
        """Write what was noted; an :class:`OptiqError` if the disk is full, and it is written next time."""
        with self._lock:
            if self._unwritten:
                with self._transaction():
                    self._db.executemany(
                        _NOTE, [(name, _today(), usd) for name, usd in self._unwritten.items()]
                    )
                self._unwritten.clear()  # only now: what could not be written is money all the same

    def today(self, keys: Iterable[Key]) -> dict[str, tuple[float, float]]:
        """What each client has spent today, and what is in flight for it."""
        self.flush()
        with self._lock:
            rows = self._db.execute("select key, usd from noted where day = ?", (_today(),)).fetchall()
        found = {name: (usd, 0.0) for name, usd in rows}
        for key in keys:
            if (ledger := self.ledger(key)) is not None:
                spent, committed = ledger.spent.cost_usd, ledger.committed.cost_usd
                found[key.name] = found.get(key.name, (0.0, 0.0))[0] + spent, committed - spent
        return found

    def close(self) -> None:
        """Write what is left and let go of the files, whatever the disk says (an :class:`OptiqError`)."""
        try:
            self.flush()
        finally:
            with self._lock:
                for ledger in self._ledgers.values():
                    ledger.close()
                self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, changing(self._db, self._path, "what was asked meanwhile is written then"):
            yield


class Client:
    """Who pays for a request: a :class:`~optiq.endpoint.answering.Spender`."""

    def __init__(self, spending: Spending, key: Key | None) -> None:
        self._spending = spending
        self.name = NOBODY if key is None else key.name
        self.ledger = None if key is None else spending.ledger(key)

    def note(self, spent_usd: float) -> None:
        """So much was spent that no ledger counted."""
        self._spending.note(self.name, spent_usd)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
