"""What each of several calls in flight took, from one counter for all of them."""

from __future__ import annotations

import math
import threading

from optiq.servers.energy.counters import EnergyCounter


class Shares:
    """Divides what the counter says between the calls in flight, equally, from event to event.

    While a counter fails or runs backwards, nobody's share is known: the calls in flight then get None.
    """

    def __init__(self, counter: EnergyCounter) -> None:
        self._counter = counter
        self._lock = threading.Lock()
        self._in_flight: dict[int, float] = {}
        self._last = math.nan
        self._number = 0

    def begin(self) -> int:
        """A call begins; returns what :meth:`end` takes."""
        with self._lock:
            self._share_out()
            self._number += 1
            self._in_flight[self._number] = 0.0
            return self._number

    def end(self, number: int) -> float | None:
        """The call is over: its joules, None if they are not known."""
        with self._lock:
            self._share_out()
            joules = self._in_flight.pop(number)
            return None if math.isnan(joules) else joules

    def _share_out(self) -> None:
        try:
            now = self._counter.read()
        except Exception:  # whatever a driver raises: the call it belongs to must not fail for it
            now = math.nan
        taken = now - self._last
        if self._in_flight:
            each = taken / len(self._in_flight) if taken >= 0 else math.nan
            for number in self._in_flight:
                self._in_flight[number] += each
        self._last = now
