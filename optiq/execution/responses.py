"""Outputs that models gave, kept in a file: the same call is made once, across plans, runs and crashes.

One SQLite file. It serves two ends that need the same rows:

- as a **cache**: a call with the same key (:func:`~optiq.execution.identity.call_key`) takes the output of
  the earlier one, with its original figures, and is marked ``cached``;
- as a **journal**: each answered call is on disk before anything is made of it. A run that was killed finds
  its own calls again, and those are not marked cached: nobody recorded them yet.

``maker`` names whose call it was (run and question). :meth:`ResponseStore.delivered` says that what a maker
did is recorded elsewhere for good (in a landed trace); from then on its calls are anybody's cache.
What calls cost, and what those may have cost that nobody saw the end of, is in :mod:`optiq.execution.ledger`.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue

from optiq.errors import InputError, OptiqError
from optiq.files.sqlite_file import open_shared
from optiq.servers.protocol import Generation

_TABLES = """
create table if not exists responses (
    key text primary key,
    maker text not null,
    model text not null,
    generation text not null,
    delivered integer not null default 0
) without rowid;
create index if not exists responses_maker on responses (maker) where not delivered;
"""

_KEEP = "insert or ignore into responses (key, maker, model, generation) values (?, ?, ?, ?)"
_FIELDS = tuple(known.name for known in fields(Generation))
_Row = tuple[str, str, str, str]
_Item = tuple[_Row, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


@dataclass(frozen=True, slots=True)
class Kept:
    """An output found again. ``own``: the caller made this call itself and has not recorded it yet."""

    generation: Generation
    own: bool


class ResponseStore:
    """The kept outputs in ``path``; several threads and processes may use the same file.

    With ``shared`` False nobody finds what another maker did: only the journal is left (`--no-cache`).

    Raises
    ------
    InputError
        if the file cannot be made or is no SQLite database.
    """

    def __init__(self, path: str | Path, *, shared: bool = True) -> None:
        self.path = Path(path)
        self._shared = shared
        self._lock = threading.Lock()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._claimed: dict[str, set[str]] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = open_shared(self.path, _TABLES)
        except (sqlite3.Error, OSError) as fault:
            raise InputError(
                f"{self.path} cannot be used to keep responses: {fault}",
                "Delete it with `optiq cache clear`, or run with --no-cache.",
            ) from None

    def find(self, key: str, maker: str) -> Kept | None:
        """The output kept under ``key``. A maker gets each of its own unrecorded calls back as own once."""
        found = None
        with self._lock:
            name = self._name(key, maker)
            row = self._run(
                "select maker, generation, delivered from responses where key = ?", (name,)
            ).fetchone()
            if row is not None:
                claimed = self._claimed.setdefault(maker, set())
                own = row[0] == maker and not row[2] and name not in claimed
                if own:
                    claimed.add(name)
                found = (row[1], own)
        return None if found is None else Kept(_generation(found[0]), found[1])

    async def keep(self, key: str, maker: str, generation: Generation) -> None:
        """Write an output down; done when it is on disk. The first under a key stays.

        A thread writes what has gathered, so that the event loop waits for no disk.
        """
        name = self._name(key, maker)
        told = {known: getattr(generation, known) for known in _FIELDS}
        told["started_at"] = generation.started_at.isoformat()
        row = (name, maker, generation.requested_model, json.dumps(told))
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        with self._lock:
            self._claimed.setdefault(maker, set()).add(name)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="optiq-responses", daemon=True)
                self._writer.start()
        self._queue.put((row, loop, written))
        await written

    def _write(self) -> None:
        """Write what is in the queue until None comes."""
        open_ = True
        while open_:
            gathered = [self._queue.get()]
            while not self._queue.empty():
                gathered.append(self._queue.get())
            batch = [item for item in gathered if item is not None]
            open_ = len(batch) == len(gathered)
            fault: Exception | None = None
            try:
                with self._lock:
                    self._run("begin immediate")
                    self._connection.executemany(_KEEP, [row for row, *_ in batch])
                    self._run("commit")
            except Exception as failed:  # who waits is told, whatever it is
                fault = self._explained(failed) if isinstance(failed, sqlite3.Error) else failed
                with suppress(sqlite3.Error):
                    self._connection.execute("rollback")
            waiting: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
            for *_, loop, written in batch:
                waiting.setdefault(loop, []).append(written)
            for loop, futures in waiting.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_settle, futures, fault)

    def delivered(self, makers: Iterable[str]) -> None:
        """What these makers did so far is recorded for good."""
        with self._lock:
            names = [(maker,) for maker in makers]
            for (maker,) in names:
                self._claimed.pop(maker, None)
            self._run("begin immediate")
            try:
                self._connection.executemany(
                    "update responses set delivered = 1 where maker = ? and not delivered", names
                )
            except sqlite3.Error as fault:
                with suppress(sqlite3.Error):
                    self._connection.execute("rollback")
                raise self._explained(fault) from None
            self._run("commit")

    def unrecorded(self, maker: str) -> Counter[str]:
        """How many calls of each model ``maker`` has made that are recorded nowhere else: it finds them again."""
        with self._lock:
            rows = self._run(
                "select model, count(*) from responses where maker = ? and not delivered group by model",
                (maker,),
            ).fetchall()
        return Counter(dict(rows))

    def clear(self) -> int:
        """Delete what is kept and recorded elsewhere, and say how many outputs that were.

        Calls of unfinished runs stay: they are paid for and recorded nowhere else.
        """
        with self._lock:
            count = self._run("delete from responses where delivered").rowcount
            self._run("vacuum")
            return int(count)

    def by_model(self) -> list[tuple[str, int, int]]:
        """Each model whose outputs are kept, how many, and their bytes; most first."""
        with self._lock:
            return self._run(
                "select model, count(*), sum(length(generation)) from responses group by model order by 2 desc, 1"
            ).fetchall()

    def __len__(self) -> int:
        with self._lock:
            return int(self._connection.execute("select count(*) from responses").fetchone()[0])

    def close(self) -> None:
        """Give the file back, when all is written."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, values: tuple = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as fault:
            raise self._explained(fault) from None

    def _explained(self, fault: sqlite3.Error) -> OptiqError:
        if isinstance(fault, sqlite3.OperationalError):
            return OptiqError(
                f"{self.path} cannot be written: {fault}", "Check the disk; the same command resumes."
            )
        return OptiqError(
            f"{self.path} is damaged: {fault}",
            "Move it aside with `optiq cache clear`; the same command resumes.",
        )

    def _name(self, key: str, maker: str) -> str:
        return key if self._shared else f"{key}:{maker}"


def _generation(text: str) -> Generation:
    told = json.loads(text)
    told["started_at"] = datetime.fromisoformat(told["started_at"])
    return Generation(**told)


def _settle(futures: list[asyncio.Future[None]], fault: Exception | None) -> None:
    for written in futures:
        if written.done():
            continue  # called off meanwhile; it is on disk all the same
        if fault is None:
            written.set_result(None)
        else:
            written.set_exception(fault)
