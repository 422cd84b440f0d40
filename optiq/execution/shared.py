"""What all executors of one run share, in whatever thread they work: who watches them, and what stops them, too."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from optiq.execution.flights import Flights
from optiq.execution.health import ModelHealth
from optiq.execution.ledger import Ledger
from optiq.execution.limits import CallLimits
from optiq.execution.responses import ResponseStore
from optiq.execution.thinking_room import Thinkers
from optiq.execution.trace import Call, Execution
from optiq.servers.protocol import Generation


class Observer(Protocol):
    """Told what happens while a run goes on, from any thread. Must be quick; who shows it is not our matter."""

    def began(self) -> None:
        """A question was taken up."""

    def called(self, call: Call) -> None:
        """A call is over, answered or failed."""

    def late(self, model: str) -> None:
        """A call of ``model`` got no answer in time; it may be made again."""

    def ended(self, execution: Execution | None) -> None:
        """A question taken up is put down again: executed, or stopped (None)."""


class Silent:
    """Nobody looks."""

    def began(self) -> None:
        """Nothing."""

    def called(self, call: Call) -> None:
        """Nothing."""

    def late(self, model: str) -> None:
        """Nothing."""

    def ended(self, execution: Execution | None) -> None:
        """Nothing."""


class Control:
    """Stops a run from outside (Ctrl-C, an error budget that is used up): one switch, in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, tuple[asyncio.AbstractEventLoop, Callable[[], object]]] = {}
        self._next = 0
        self.reason: str | None = None
        self.interrupted = False

    @property
    def stopping(self) -> bool:
        """Whether no further question is to be begun."""
        return self.reason is not None

    def drain(self, reason: str) -> None:
        """Begin no further question; those begun are finished."""
        with self._lock:
            self.reason = self.reason or reason

    def interrupt(self, reason: str) -> None:
        """Begin no further question and call off those in flight. What has been answered is kept."""
        with self._lock:
            self.reason = self.reason or reason
            self.interrupted = True
            for loop, cancel in self._running.values():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(cancel)

    @contextmanager
    def attached(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Have ``cancel`` called in the running loop on :meth:`interrupt`, as long as the block runs."""
        loop = asyncio.get_running_loop()
        with self._lock:
            number = self._next = self._next + 1
            self._running[number] = (loop, cancel)
            if self.interrupted:
                loop.call_soon(cancel)
        try:
            yield
        finally:
            with self._lock:
                del self._running[number]


@dataclass
class Shared:
    """Kept responses, calls in flight, the spend, how models are and whether they think, who watches, the stop switch.

    ``responses`` None: nothing is kept, and nothing is shared between calls. ``slots`` bound the calls in flight
    of this run, below what the server takes.
    """

    responses: ResponseStore | None = None
    flights: Flights[Generation] = field(default_factory=Flights)
    ledger: Ledger = field(default_factory=Ledger)
    health: ModelHealth = field(default_factory=ModelHealth)
    thinkers: Thinkers = field(default_factory=Thinkers)
    observer: Observer = field(default_factory=Silent)
    control: Control = field(default_factory=Control)
    slots: CallLimits | None = None
