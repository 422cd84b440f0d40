"""Calls in flight: who asks for one that another is making waits for that one's answer, over all threads."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Flights(Generic[Answer]):
    """At most one call per key at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[str, Future[Answer]] = {}

    def join(self, key: str) -> tuple[Future[Answer], bool]:
        """The call in flight under ``key``, and whether it is the caller's to make and to :meth:`land`."""
        with self._lock:
            flight = self._flying.get(key)
            if flight is not None:
                return flight, False
            self._flying[key] = flight = Future()
            return flight, True

    def land(self, key: str, outcome: Answer | Exception | None) -> None:
        """Tell all who wait; None: the call was given up, and one of them has to make it."""
        with self._lock:
            flight = self._flying.pop(key)
        if outcome is None:
            flight.cancel()
        elif isinstance(outcome, Exception):
            flight.set_exception(outcome)
        else:
            flight.set_result(outcome)
