"""Outputs that models gave, kept in a file: the same call is made once, across plans, runs and crashes.

One SQLite file. It serves two ends that need the same rows:

- as a **cache**: a call with the same key (:func:`~optiq.execution.identity.call_key`) takes the output of
  the earlier one, with its original figures, and is marked ``cached``;
- as a **journal**: each answered call is on disk before anything is made of it. A run that was killed finds
  its own calls again, and those are not marked cached: nobody recorded them yet.

``maker`` names whose call it was (run and question). :meth:`ResponseStore.delivered` says that what a maker
did is recorded elsewhere for good (in a landed trace); from then on its calls are anybody's cache.

Under a total limit each call that goes out is noted with the most that it may cost, and the note stays until the
call is recorded elsewhere. What a killed run leaves are calls that were answered (they are found again, and their
note with them) and calls that nobody saw the end of, which may be billed: those count against the limit for good.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue

from optiq.errors import InputError, OptiqError
from optiq.execution.ledger import Amount
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
create table if not exists outgoing (
    number integer primary key, maker text not null, cost_usd real not null, energy_j real not null,
    key text, seen integer not null default 0
);
create index if not exists outgoing_maker on outgoing (maker);
"""

_KEEP = "insert or ignore into responses (key, maker, model, generation) values (?, ?, ?, ?)"
_FIELDS = tuple(known.name for known in fields(Generation))
_ANSWERED = "update outgoing set key = ?, seen = 1 where number = ?"
_Row = tuple[str, str, str, str]
_Item = tuple[_Row, int | None, asyncio.AbstractEventLoop, "asyncio.Future[None]"]


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
        self._answered: dict[str, Amount] = {}
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
            row = self._connection.execute(
                "select maker, generation, delivered from responses where key = ?", (name,)
            ).fetchone()
            if row is not None:
                claimed = self._claimed.setdefault(maker, set())
                own = row[0] == maker and not row[2] and name not in claimed
                if own:
                    claimed.add(name)
                    if maker in self._answered:
                        self._run("update outgoing set seen = 1 where maker = ? and key = ?", (maker, name))
                found = (row[1], own)
        return None if found is None else Kept(_generation(found[0]), found[1])

    async def keep(self, key: str, maker: str, generation: Generation, number: int | None = None) -> None:
        """Write an output down; done when it is on disk. The first under a key stays.

        ``number`` is that of the note on the call (:meth:`begun`), which ends in the same transaction. A thread
        writes what has gathered, so that the event loop waits for no disk.
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
        self._queue.put((row, number, loop, written))
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
                    noted = [(row[0], number) for row, number, *_ in batch if number is not None]
                    if noted:
                        self._connection.executemany(_ANSWERED, noted)
                    self._run("commit")
            except Exception as failed:  # who waits is told, whatever it is
                fault = failed
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
            self._connection.executemany(
                "update responses set delivered = 1 where maker = ? and not delivered", names
            )
            self._connection.executemany("delete from outgoing where maker = ? and seen", names)
            # Of what is left nobody knows the end, and no record will tell it: the run as a whole answers for it.
            runs = [(f"{maker.partition('/')[0]}/", maker) for (maker,) in names]
            self._connection.executemany("update outgoing set maker = ? where maker = ?", runs)
            self._run("commit")

    def begun(self, maker: str, most: Amount) -> int:
        """Note that a call starts that may cost ``most``; returns what :meth:`keep` and :meth:`ended` take."""
        with self._lock:
            statement = "insert into outgoing (maker, cost_usd, energy_j) values (?, ?, ?)"
            return self._run(statement, (maker, most.cost_usd, most.energy_j)).lastrowid or 0

    def ended(self, number: int, lost: bool) -> None:
        """The call failed; of a lost one the note stays until its execution is recorded."""
        with self._lock:
            if lost:
                self._run("update outgoing set seen = 1 where number = ?", (number,))
            else:
                self._run("delete from outgoing where number = ?", (number,))

    def unaccounted(self, makers: str) -> Amount:
        """The most that calls may have cost that are recorded nowhere else; ``makers`` is how their makers begin.

        To be asked when a run is opened: what earlier sessions saw of these calls is forgotten.
        """
        with self._lock:
            mine = (len(makers), makers)
            self._run("update outgoing set seen = 0 where substr(maker, 1, ?) = ?", mine)
            row = self._connection.execute(
                "select coalesce(sum(cost_usd), 0), coalesce(sum(energy_j), 0) from outgoing "
                "where substr(maker, 1, ?) = ?",
                mine,
            ).fetchone()
            answered = self._connection.execute(
                "select maker, sum(cost_usd), sum(energy_j) from outgoing "
                "where key is not null and substr(maker, 1, ?) = ? group by maker",
                mine,
            )
            self._answered.update({maker: Amount(cost, energy) for maker, cost, energy in answered})
            return Amount(*row)

    def answered(self, maker: str) -> Amount | None:
        """The part of :meth:`unaccounted` for calls of ``maker`` that were answered and can be found again."""
        return self._answered.get(maker)

    def missed(self, maker: str) -> Amount:
        """The part of :meth:`answered` that was not found again, as the question got another plan."""
        with self._lock:
            del self._answered[maker]
            row = self._connection.execute(
                "select coalesce(sum(cost_usd), 0), coalesce(sum(energy_j), 0) from outgoing "
                "where maker = ? and key is not null and not seen",
                (maker,),
            ).fetchone()
            return Amount(*row)

    def clear(self) -> int:
        """Delete what is kept and recorded elsewhere, and say how many outputs that were.

        Calls of unfinished runs stay: they are paid for and recorded nowhere else.
        """
        with self._lock:
            count = self._connection.execute("delete from responses where delivered").rowcount
            self._run("vacuum")
            return int(count)

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
        except sqlite3.OperationalError as fault:
            raise OptiqError(
                f"{self.path} cannot be written: {fault}", "Check the disk; the same command resumes."
            ) from None

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
