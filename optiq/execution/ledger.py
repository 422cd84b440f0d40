"""What a run may spend in all, kept with calls in flight, over processes, and over kills.

Before a question starts, the most that its plan can cost is set aside; each call takes its part of that when it
starts and is settled when it is over, and what it did not use is free again. A question that does not fit waits
until calls in flight are settled; if nothing is in flight any more, it does not fit at all.

A call that was lost on the way (time-out, broken connection, a killed process) may be billed all the same: it counts
as having cost the most that it could. So does one whose cost nobody told, or told as no cost can be.

The ledger is a table that each change writes in a transaction of its own: in a file it holds over all processes that
use one ``account`` there, and what a killed one had in flight stays counted. Always: spent + set aside ≤ limit.
"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from optiq.errors import InputError, OptiqError
from optiq.files.process_identity import ProcessIdentity, this_process
from optiq.files.sqlite_file import changing, open_shared


class LimitReached(OptiqError):
    """A total limit of the run leaves too little for a question or a call."""


@dataclass(frozen=True, slots=True)
class Amount:
    """USD and joules; NaN where unknown."""

    cost_usd: float = 0.0
    energy_j: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.cost_usd + other.cost_usd, self.energy_j + other.energy_j)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.cost_usd - other.cost_usd, self.energy_j - other.energy_j)

    def or_else(self, other: Amount) -> Amount:
        """``other``'s figure where this one is none: unknown, below 0 or infinite."""
        return Amount(
            self.cost_usd if 0 <= self.cost_usd < math.inf else other.cost_usd,
            self.energy_j if 0 <= self.energy_j < math.inf else other.energy_j,
        )

    def missing(self, other: Amount) -> Amount:
        """``other``'s figure where this one is none, and 0 where it is one."""
        return self.or_else(other) - self.or_else(Amount())

    def beyond(self, other: Amount) -> Amount:
        """What this one has more than ``other``, by unit; NaN stays."""
        more = self - other
        return Amount(*(0.0 if figure < 0 else figure for figure in (more.cost_usd, more.energy_j)))


@dataclass(frozen=True, slots=True)
class Hold:
    """What is taken for one call, under ``number`` in the ledger."""

    number: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class _Standing:
    """An account at one moment. ``lost`` was in flight in processes that are gone; ``others`` live and hold more.

    ``gone`` had set aside for calls that they never began.
    """

    spent: Amount
    lost: Amount
    held: Amount
    others: bool
    gone: tuple[str, ...] = ()

    @property
    def committed(self) -> Amount:
        return self.spent + self.lost + self.held


_UNITS = (("cost_usd", "max_total_cost", "USD"), ("energy_j", "max_total_energy", "J"))
# Sums of many floats differ in the last digits from the sum that a person makes.
_SLACK = 1e-12
_CLOSED = "closed"  # the owner of what was in flight when its ledger was closed
_LOOK_S = 0.1
_TRUST_S = 0.5  # so long a process that was seen is taken to live

_TABLES = """
create table if not exists spent (
    account text primary key, cost_usd real not null, energy_j real not null, openings integer not null
) without rowid;
create table if not exists holds (
    number integer primary key autoincrement, account text not null, owner text not null, begun integer not null,
    label text, cost_usd real not null, energy_j real not null
);
"""
_ODD = """
select count(*) from (select cost_usd, energy_j from spent union all select cost_usd, energy_j from holds)
where typeof(cost_usd) <> 'real' or typeof(energy_j) <> 'real' or cost_usd < -1e-9 or energy_j < -1e-9
"""
"""What stands for nothing: a figure below 0 would be money given back."""


class Ledger:
    """Limits over all questions of a run, for any number of threads, event loops and processes.

    Parameters
    ----------
    max_cost_usd, max_energy_j
        The limits; None for none. They hold over all that the account has spent, under whatever limit.
    spent
        What is known from elsewhere to be spent at least, where the file may know less: it was made on another
        machine, or is new.
    path
        The SQLite file; None keeps the ledger in memory, for this process alone.
    account
        Whose money it is: ledgers of one account in one file share a limit.
    owner
        The process that calls are in flight in; ``alive`` tells whether one lives (None: nobody here can tell).

    Raises
    ------
    InputError
        if the file cannot be used. What was spent is then not known, and nothing is guessed.
    """

    def __init__(
        self,
        max_cost_usd: float | None = None,
        max_energy_j: float | None = None,
        spent: Amount | None = None,
        *,
        path: str | Path | None = None,
        account: str = "run",
        owner: str | None = None,
        alive: Callable[[str], bool | None] | None = None,
    ) -> None:
        self._limits = Amount(
            math.inf if max_cost_usd is None else max_cost_usd,
            math.inf if max_energy_j is None else max_energy_j,
        )
        self.limited = max_cost_usd is not None or max_energy_j is not None
        self.kept = path is not None
        self._account = account
        self._owner = owner or ("" if path is None else str(this_process()))
        self._alive = alive or _is_running
        self._seen_alive: dict[str, float] = {}
        self._mine: set[int] = set()
        self._open = 0
        self._simply_spent = Amount()  # where there is no limit to hold and nothing to keep
        self._lock = threading.RLock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._path = path
        self._closed: _Standing | None = None
        try:
            if path is None:
                self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                self._db.executescript(_TABLES)
            else:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                self._db = open_shared(Path(path), _TABLES)
                [[odd]] = self._db.execute(_ODD).fetchall()
                if odd:
                    self._db.close()
                    raise OSError("it holds figures that no call can cost")
        except (sqlite3.Error, OSError) as fault:
            raise InputError(
                f"{path} cannot be used: {fault}; it says what a run has spent, which nobody else knows for certain",
                "Check the disk. If the file is damaged, --fresh begins a run of its own, with money of its own.",
            ) from None
        with self._changing():
            self._db.execute(
                "insert into spent values (?, 0.0, 0.0, 1) on conflict do update set openings = openings + 1",
                (account,),
            )
            if spent is not None:
                standing = self._standing()
                self._spend(spent.beyond(standing.spent + standing.lost))

    @property
    def spent(self) -> Amount:
        """What calls that are over cost, lost ones at their most."""
        standing = self._now()
        return standing.spent + standing.lost

    @property
    def committed(self) -> Amount:
        """Spent, and set aside for what is in flight in any process. Never above the limits."""
        return self._now().committed

    def close(self) -> None:
        """Give the file back; what is spent can still be asked. Of what is in flight nobody will see the end."""
        with self._lock:
            if self._closed is None:
                standing = self._now()
                if self._mine:  # else there is nothing to write, and a full disk hinders nobody
                    # What cannot be written is told by the process, which is over.
                    with suppress(OptiqError), self._changing():
                        for number in self._mine:
                            self._db.execute("update holds set owner = ? where number = ?", (_CLOSED, number))
                self._closed = standing
                self._db.close()

    async def reserve(self, most: Amount) -> Reservation:
        """Set ``most`` aside for a question; :class:`LimitReached` if it does not fit."""
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                found, others = self._try(most)
                if found is not None:
                    return found
                place = (loop, asyncio.Event())
                self._waiting.append(place)
            try:
                # Nobody tells of what another process gives back.
                with suppress(TimeoutError):
                    await asyncio.wait_for(place[1].wait(), _LOOK_S if others else None)
            finally:
                with self._lock:
                    if place in self._waiting:
                        self._waiting.remove(place)

    def reserve_soon(self, most: Amount, given_up: Callable[[], bool] = lambda: False) -> Reservation:
        """:meth:`reserve` for a thread without an event loop; waits until it fits, or ``given_up`` says so."""
        while not given_up():
            with self._lock:
                found, _ = self._try(most)
            if found is not None:
                return found
            time.sleep(_LOOK_S / 5)
        raise LimitReached("given up while it waited for money that is set aside for calls in flight")

    def _try(self, most: Amount) -> tuple[Reservation | None, bool]:
        """A reservation if it fits now; else whether other processes may give something back.

        :class:`LimitReached` if it is of no use to wait.
        """
        if not self.limited:
            self._open += 1
            return Reservation(self, None), False
        with self._changing():
            standing = self._cleared()
            fault = self._fault(most, standing)
            if fault is None:
                number = self._hold(most.or_else(Amount()), begun=False)
                self._open += 1
                return Reservation(self, number), False
        if (self._open == 0 and not standing.others) or self._hopeless(most, standing):
            raise LimitReached(fault)
        return None, standing.others

    def _fault(self, most: Amount, standing: _Standing) -> str | None:
        """Why ``most`` cannot be added to what is committed; None if it can."""
        for name, limit_name, unit in _UNITS:
            limit, wanted = getattr(self._limits, name), getattr(most, name)
            if math.isinf(limit):
                continue
            if math.isnan(wanted):
                what = "price" if name == "cost_usd" else "energy"
                return f"{limit_name} is set, and the {what} of a model in the plan is unknown"
            if getattr(standing.committed, name) + wanted > limit * (1 + _SLACK):
                gone = getattr(standing.spent + standing.lost, name)
                return (
                    f"{limit_name} = {limit:.4g} {unit} leaves {max(limit - gone, 0):.4g} "
                    f"{unit}, and the plan may take up to {wanted:.4g} {unit}"
                )
        return None

    def _hopeless(self, most: Amount, standing: _Standing) -> bool:
        """Whether it would not fit even if all that is in flight turned out to be free."""
        gone = standing.spent + standing.lost
        return any(
            math.isfinite(getattr(self._limits, name))
            and not getattr(gone, name) + getattr(most, name) <= getattr(self._limits, name) * (1 + _SLACK)
            for name, _, _ in _UNITS
        )

    def left(self) -> Amount:
        """What the limits leave beside all that is committed now; infinite where there is none."""
        return (self._limits - self.committed).beyond(Amount())

    def draw(self, reservation: int | None, most: Amount, label: str | None) -> Hold:
        """See :meth:`Reservation.draw`."""
        counted = most.or_else(Amount())
        if not self.limited and not self.kept:
            return Hold(0, Amount())
        with self._lock, self._changing():
            if self.limited:
                standing = self._cleared()
                left = self._amount(reservation)
                more = most.beyond(left)
                if more != Amount() and (fault := self._fault(more, standing)) is not None:
                    raise LimitReached(fault)
                if reservation is not None:
                    rest = left.beyond(counted)
                    self._db.execute(
                        "update holds set cost_usd = ?, energy_j = ? where number = ?",
                        (rest.cost_usd, rest.energy_j, reservation),
                    )
            return Hold(self._hold(counted, begun=True, label=label), counted)

    def settle(self, hold: Hold, actual: Amount) -> None:
        """Turn what a call took into what it cost: ``actual``, or the most where that is no cost. Once only."""
        with self._lock:
            if self._closed is not None:
                return  # a thread that was left behind: what it took stays taken
            if not self.limited and not self.kept:
                self._simply_spent += actual.or_else(hold.amount)
                return
            with self._changing():
                if self._drop(hold.number) or hold.number == 0:
                    self._spend(actual.or_else(hold.amount))
            self._wake()

    def take_over(self, label: str | None) -> Hold | None:
        """A call that an earlier session made was found again with its answer: what is to be settled for it.

        That is what the session held for it, if it was killed before it settled; None if it has settled. A ledger
        that knows of no earlier session (its file was lost, or is that of another machine) counts the call anew.
        """
        with self._lock, self._changing():
            row = self._db.execute(
                "select number, cost_usd, energy_j from holds where account = ? and label = ? and begun "
                "order by number desc limit 1",
                (self._account, label),
            ).fetchone()
            if row is None:
                [openings] = self._db.execute(
                    "select openings from spent where account = ?", (self._account,)
                ).fetchone()
                return Hold(0, Amount()) if openings == 1 else None
            self._db.execute("update holds set owner = ? where number = ?", (self._owner, row[0]))
            self._mine.add(row[0])
            return Hold(row[0], Amount(*row[1:]))

    def release(self, reservation: int | None) -> None:
        """A question is over: what it did not draw is free again. What was drawn stays until it is settled."""
        with self._lock:
            if reservation is not None and self._closed is None:
                with self._changing():
                    self._drop(reservation)
            self._open -= 1
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def _hold(self, amount: Amount, *, begun: bool, label: str | None = None) -> int:
        number = self._db.execute(
            "insert into holds (account, owner, begun, label, cost_usd, energy_j) values (?, ?, ?, ?, ?, ?)",
            (self._account, self._owner, begun, label, amount.cost_usd, amount.energy_j),
        ).lastrowid
        assert number is not None, "an inserted row has a number"
        self._mine.add(number)
        return number

    def _drop(self, number: int) -> bool:
        self._mine.discard(number)
        return self._db.execute("delete from holds where number = ?", (number,)).rowcount > 0

    def _amount(self, number: int | None) -> Amount:
        row = self._db.execute("select cost_usd, energy_j from holds where number = ?", (number,)).fetchone()
        return Amount() if row is None else Amount(*row)

    def _spend(self, amount: Amount) -> None:
        self._db.execute(
            "update spent set cost_usd = cost_usd + ?, energy_j = energy_j + ? where account = ?",
            (amount.cost_usd, amount.energy_j, self._account),
        )

    def _now(self) -> _Standing:
        with self._lock:
            return self._closed or self._standing()

    def _standing(self) -> _Standing:
        spent = self._simply_spent + Amount(
            *self._db.execute(
                "select cost_usd, energy_j from spent where account = ?", (self._account,)
            ).fetchone()
        )
        lost = held = Amount()
        rows = 0
        gone: list[str] = []
        for owner, begun, cost, energy, number in self._db.execute(
            "select owner, begun, sum(cost_usd), sum(energy_j), count(*) from holds where account = ? "
            "group by owner, begun",
            (self._account,),
        ).fetchall():
            if (lives := self._lives(owner)) is not False:
                held += Amount(cost, energy)
                rows += number if lives else 0
            elif begun:
                lost += Amount(cost, energy)
            else:
                gone.append(owner)  # what it had set aside for calls that it never began is free
        return _Standing(spent, lost, held, rows > len(self._mine), tuple(gone))

    def _cleared(self) -> _Standing:
        """The account in a transaction, in which what processes that are gone had set aside is given back.

        Else another process, which saw them live a moment ago, would count what was given anew beside it.
        """
        standing = self._standing()
        for owner in standing.gone:
            self._db.execute(
                "delete from holds where account = ? and owner = ? and not begun", (self._account, owner)
            )
        return standing

    def _lives(self, owner: str) -> bool | None:
        """None: it was on another machine, so that what it had set aside stays counted, and nobody waits for it."""
        if owner in (self._owner, _CLOSED):
            return owner != _CLOSED
        now = time.monotonic()
        if now - self._seen_alive.get(owner, -math.inf) < _TRUST_S:
            return True
        if lives := self._alive(owner):
            self._seen_alive[owner] = now
        return lives

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction; nobody else changes anything meanwhile, in any process."""
        if self._closed is not None:
            raise LimitReached("the run is over")
        with changing(self._db, self._path, "the same command resumes"):
            yield


def _is_running(owner: str) -> bool | None:
    identity = ProcessIdentity.parse(owner)
    return identity.is_running() if identity is not None and identity.here else None


class Reservation:
    """What is set aside for one question. Used by one event loop or thread."""

    def __init__(self, ledger: Ledger, number: int | None) -> None:
        self._ledger = ledger
        self._number = number

    def draw(self, most: Amount, label: str | None = None) -> Hold:
        """Take ``most`` for a call that starts now, more than was set aside if need be and there is room.

        :class:`LimitReached` if there is none. What comes back is to be settled. ``label`` names the call for a later
        session that finds its answer (:meth:`Ledger.take_over`).
        """
        return self._ledger.draw(self._number, most, label)

    def settle(self, hold: Hold, actual: Amount) -> None:
        """A call is over; NaN in ``actual`` where nobody knows what it cost."""
        self._ledger.settle(hold, actual)

    def close(self) -> None:
        """The question is over."""
        self._ledger.release(self._number)
        self._number = None
