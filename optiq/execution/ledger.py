"""What a whole run may spend, kept even with calls in flight.

Before a question starts, the most that its plan can cost is reserved; each call is settled when it is over,
and what it did not use is free again. A question that does not fit waits until calls in flight are
settled; if nothing is in flight any more, it does not fit at all.

A call that was lost on the way (time-out, broken connection) may be billed all the same: it counts as
having cost the most that it could.
"""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import dataclass

from optiq.errors import OptiqError


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


_UNITS = (("cost_usd", "max_total_cost", "USD"), ("energy_j", "max_total_energy", "J"))
# Sums of many floats differ in the last digits from the sum that a person makes.
_SLACK = 1e-12


class Ledger:
    """Limits over all questions of a run in this process, for any number of threads and event loops.

    ``spent`` starts at what earlier sessions of the run spent.
    """

    def __init__(
        self,
        max_cost_usd: float | None = None,
        max_energy_j: float | None = None,
        spent: Amount | None = None,
    ) -> None:
        self._limits = Amount(
            math.inf if max_cost_usd is None else max_cost_usd,
            math.inf if max_energy_j is None else max_energy_j,
        )
        self.limited = max_cost_usd is not None or max_energy_j is not None
        self._spent = spent or Amount()
        self._reserved = Amount()
        self._open = 0
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    @property
    def spent(self) -> Amount:
        """What calls that are over cost; lost calls at their most."""
        return self._spent

    @property
    def committed(self) -> Amount:
        """Spent, and reserved for what is in flight. Never above the limits."""
        with self._lock:
            return self._spent + self._reserved

    async def reserve(self, most: Amount, known: Amount | None = None) -> Reservation:
        """Set ``most`` aside for a question; :class:`LimitReached` if it does not fit.

        ``known`` is a part of what is spent that belongs to this question and that is counted again when its
        calls are settled: it is taken back.
        """
        loop = asyncio.get_running_loop()
        while True:
            with self._lock:
                if known is not None:
                    self._spent -= known
                fault = self._fault(most)
                if fault is None:
                    self._reserved += self._counted(most)
                    self._open += 1
                    return Reservation(self, self._counted(most))
                hopeless = self._hopeless(most)
                if known is not None:
                    self._spent += known
                if self._open == 0 or hopeless:
                    raise LimitReached(fault)
                place = (loop, asyncio.Event())
                self._waiting.append(place)
            try:
                await place[1].wait()
            finally:
                with self._lock:
                    if place in self._waiting:
                        self._waiting.remove(place)

    def _fault(self, most: Amount) -> str | None:
        """Why ``most`` cannot be added to what is committed; None if it can."""
        for name, limit_name, unit in _UNITS:
            limit, wanted = getattr(self._limits, name), getattr(most, name)
            if math.isinf(limit):
                continue
            if math.isnan(wanted):
                what = "price" if name == "cost_usd" else "energy"
                return f"{limit_name} is set, and the {what} of a model in the plan is unknown"
            committed = getattr(self._spent, name) + getattr(self._reserved, name)
            if committed + wanted > limit * (1 + _SLACK):
                return (
                    f"{limit_name} = {limit:.4g} {unit} leaves {max(limit - getattr(self._spent, name), 0):.4g} "
                    f"{unit}, and the plan may take up to {wanted:.4g} {unit}"
                )
        return None

    def _hopeless(self, most: Amount) -> bool:
        """Whether it would not fit even if all that is in flight turned out to be free."""
        return any(
            math.isfinite(getattr(self._limits, name))
            and not getattr(self._spent, name) + getattr(most, name)
            <= getattr(self._limits, name) * (1 + _SLACK)
            for name, _, _ in _UNITS
        )

    def _counted(self, amount: Amount) -> Amount:
        """Unknown amounts count where they are limited (and are refused there); elsewhere they are nothing."""
        return Amount(
            0.0 if math.isnan(amount.cost_usd) else amount.cost_usd,
            0.0 if math.isnan(amount.energy_j) else amount.energy_j,
        )

    def extend(self, more: Amount) -> None:
        """Reserve more for a question that has a reservation, without waiting."""
        with self._lock:
            if (fault := self._fault(more)) is not None:
                raise LimitReached(fault)
            self._reserved += self._counted(more)

    def settle(self, reserved: Amount, actual: Amount) -> None:
        """Turn a part of what is reserved into what was spent."""
        with self._lock:
            self._reserved -= reserved
            self._spent += self._counted(actual)
            self._wake()

    def release(self, left: Amount) -> None:
        """A question is over: what it did not use is free again."""
        with self._lock:
            self._reserved -= left
            self._open -= 1
            if self._open == 0:
                self._reserved = Amount()  # rounding leaves crumbs
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


class Reservation:
    """What is set aside for one question. Used by one event loop."""

    def __init__(self, ledger: Ledger, amount: Amount) -> None:
        self._ledger = ledger
        self._left = amount

    def draw(self, most: Amount) -> Amount:
        """Take ``most`` for a call that starts now, more than was set aside if need be and there is room.

        :class:`LimitReached` if there is none. Returns what was taken, to be given to :meth:`settle`.
        """
        if not self._ledger.limited:
            return Amount()
        more = Amount(
            max(most.cost_usd - self._left.cost_usd, 0.0) if most.cost_usd == most.cost_usd else math.nan,
            max(most.energy_j - self._left.energy_j, 0.0) if most.energy_j == most.energy_j else math.nan,
        )
        counted = self._ledger._counted(most)
        if more.cost_usd != 0 or more.energy_j != 0:
            self._ledger.extend(more)
            self._left += self._ledger._counted(more)
        self._left -= counted
        return counted

    def settle(self, drawn: Amount, actual: Amount) -> None:
        """A call is over; ``actual`` may be :meth:`draw`'s amount where it is not known."""
        self._ledger.settle(drawn, actual)

    def close(self) -> None:
        """The question is over."""
        self._ledger.release(self._left)
        self._left = Amount()
