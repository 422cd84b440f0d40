"""What clients spend per day and ask per minute, over all processes on a home, in one SQLite file.

Before a plan is run the most that it may cost is held; after it, what it cost is spent and the rest is free again. A
hold whose process is gone counts as spent: what it was for may have been billed. So what is spent and held is never
above the limit of a day (UTC), whatever is killed.
"""

from __future__ import annotations

import math
import os
import socket
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from optiq.endpoint.keys import Key
from optiq.endpoint.refusals import Refusal
from optiq.files.sqlite_file import open_shared

NOBODY = "-"
"""The name of who shows no key, where none is asked for."""

_TABLES = """
create table if not exists spent (key text, day text, usd real not null, primary key (key, day)) without rowid;
create table if not exists held (
    number integer primary key, key text not null, day text not null, usd real not null, process text not null
);
create table if not exists asked (key text primary key, left_over real not null, at real not null) without rowid;
"""
_SPEND = "insert into spent values (?, ?, ?) on conflict do update set usd = usd + excluded.usd"
_SUM = "select (select coalesce(sum(usd), 0) from spent where key = ?1 and day = ?2), "
_SUM += "(select coalesce(sum(usd), 0) from held where key = ?1 and day = ?2)"
_SLACK = 1e-12  # sums of many floats differ in the last digits from the sum that a person makes


class Spending:
    """The file, for the event loop of a process and its threads. Times are injected by tests only."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = open_shared(path, _TABLES)
        self._lock = threading.RLock()
        self._process = f"{socket.gethostname()}/{os.getpid()}/{_started(os.getpid())}"
        self._unwritten: defaultdict[str, float] = defaultdict(float)
        self._settle_the_dead()

    def client(self, key: Key | None) -> Client:
        """Who spends."""
        return Client(self, key)

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

    def hold(self, key: Key, most_usd: float) -> int:
        """Set an amount aside; its number. A :class:`Refusal` (429) if the day's limit leaves less."""
        assert key.max_cost_per_day is not None
        if math.isnan(most_usd):
            raise Refusal(
                429,
                f"key {key.name} has a limit per day, and the price of a model in the plan is unknown",
                "Add its price to PerfDB (optiq ingest priors), or ask another model.",
                kind="insufficient_quota",
                code="insufficient_quota",
            )
        with self._transaction():
            spent, held = self._db.execute(_SUM, (key.name, _today())).fetchone()
            fits = spent + held + most_usd <= key.max_cost_per_day * (1 + _SLACK)
            if fits:
                made = self._db.execute(
                    "insert into held (key, day, usd, process) values (?, ?, ?, ?)",
                    (key.name, _today(), most_usd, self._process),
                )
        if fits:
            return int(made.lastrowid or 0)
        may_fit = spent + most_usd <= key.max_cost_per_day
        raise Refusal(
            429,
            f"key {key.name} has spent {spent:.6g} of {key.max_cost_per_day:g} USD today, {held:.6g} are held for "
            f"requests in flight, and this one may cost up to {most_usd:.6g}",
            "Wait for those in flight."
            if may_fit
            else "Set max_tokens, wait until tomorrow (UTC), or ask for more.",
            kind="rate_limit_error" if may_fit else "insufficient_quota",
            code="rate_limit_exceeded" if may_fit else "insufficient_quota",
            retry_after_s=1 if may_fit else None,
        )

    def settle(self, number: int, spent_usd: float) -> None:
        """What a hold was for is over; it counts on the day on which it was made."""
        with self._transaction():
            key, day = self._db.execute("select key, day from held where number = ?", (number,)).fetchone()
            self._db.execute(_SPEND, (key, day, spent_usd))
            self._db.execute("delete from held where number = ?", (number,))

    def note(self, name: str, spent_usd: float) -> None:
        """So much was spent by who has no limit; :meth:`flush` writes it."""
        if spent_usd:
            with self._lock:
                self._unwritten[name] += spent_usd

    def flush(self) -> None:
        """Write what was noted."""
        with self._lock:
            noted, self._unwritten = self._unwritten, defaultdict(float)
            if noted:
                with self._transaction():
                    self._db.executemany(_SPEND, [(name, _today(), usd) for name, usd in noted.items()])

    def today(self) -> dict[str, tuple[float, float]]:
        """What each client has spent today, and what is held for it."""
        self.flush()
        with self._lock:
            rows = self._db.execute(
                "select key, sum(usd), 0 from spent where day = ? group by key", (_today(),)
            )
            found = {key: (spent, 0.0) for key, spent, _ in rows}
            rows = self._db.execute("select key, sum(usd) from held where day = ? group by key", (_today(),))
            for key, held in rows:
                found[key] = found.get(key, (0.0, 0.0))[0], held
        return found

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.flush()
        with self._lock:
            self._db.close()

    def _settle_the_dead(self) -> None:
        """Holds of processes of this machine that are gone were spent, as far as anybody knows."""
        here = socket.gethostname()
        with self._transaction():
            rows = self._db.execute("select number, key, day, usd, process from held").fetchall()
            for number, key, day, usd, process in rows:
                host, pid, started = process.rsplit("/", 2)
                if host == here and _started(int(pid)) != started:
                    self._db.execute(_SPEND, (key, day, usd))
                    self._db.execute("delete from held where number = ?", (number,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("rollback")
                raise
            self._db.execute("commit")


class Client:
    """Who pays for a request: a :class:`~optiq.endpoint.answering.Spender`, for one plan after the other."""

    def __init__(self, spending: Spending, key: Key | None) -> None:
        self._spending, self._key = spending, key
        self.name = NOBODY if key is None else key.name
        self.limited = key is not None and key.max_cost_per_day is not None
        self._held: int | None = None

    def reserve(self, most_usd: float) -> None:
        """Hold the most that a plan may cost."""
        assert self._key is not None
        self._held = self._spending.hold(self._key, most_usd)

    def settle(self, spent_usd: float) -> None:
        """So much of it was spent."""
        if self._held is None:
            self._spending.note(self.name, spent_usd)
            return
        number, self._held = self._held, None
        self._spending.settle(number, spent_usd)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _started(pid: int) -> str:
    """What tells a process from a later one with its number; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "running"
