"""Calls in flight: who asks for one that another is making waits for that one's answer, over all threads."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class GivenUp(Exception):
    """Whoever made the call got no answer to share: it was called off."""


class Flights(Generic[Answer]):
    """At most one call per key at a time.

    A flight cannot be cancelled: who waits for one and is called off would otherwise end it for the others, and
    could not tell that from its own end.
    """

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
            flight.set_running_or_notify_cancel()
            return flight, True

    def land(self, key: str, outcome: Answer | Exception | None) -> None:
        """Tell all who wait; None: :class:`GivenUp`, and one of them has to make the call."""
        with self._lock:
            flight = self._flying.pop(key)
        if outcome is None:
            flight.set_exception(GivenUp())
        elif isinstance(outcome, Exception):
            flight.set_exception(outcome)
        else:
            flight.set_result(outcome)
