"""How many calls are in flight at once, and which goes next, over all threads and event loops.

Chunks of a batch may run in several threads, each with an event loop of its own, on one server; an
``asyncio.Semaphore`` would hold in one loop only.

A local server keeps only so many models in memory; asking for another makes it load that one, which takes
longer than an answer. So calls of models that are in memory go first, up to a number of calls after which
the others have their turn.

Among equals the call with the lower ``rank`` goes first: the chunks of a batch end one after the other, so that
one is written and the next one planned while those between keep the slots busy.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from optiq.execution.pace import Pace
from optiq.execution.rates import Rates
from optiq.servers.pool import members_of
from optiq.servers.protocol import Allowed, ModelServer

CALLS_PER_TURN = 64
"""So many calls may overtake one that waits for a model that is not in memory."""


@dataclass(eq=False, slots=True)
class _Place:
    """A call in the queue; ``order`` is rank and number, unlike that of all others."""

    order: tuple[int, int]
    model: str
    loop: asyncio.AbstractEventLoop
    turn: asyncio.Future[None]

    def __lt__(self, other: _Place) -> bool:
        return self.order < other.order


class CallLimits:
    """The slots of one server: ``slots`` in all, ``model_slots`` for each model.

    ``resident_models`` is how many models the server keeps in memory; None: all of them. Calls of one model
    of equal rank are served first come, first served. With ``first_slots`` it is found by trying how many calls of a
    model are worth it (:mod:`optiq.execution.pace`), from so many up to ``model_slots``. ``rates`` are its limits per
    minute.
    """

    def __init__(
        self,
        model_slots: int,
        slots: int,
        resident_models: int | None = None,
        first_slots: int | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._first_slots = first_slots
        self._paces: dict[str, Pace] = {}
        self._rates = rates or Rates()
        self._model_slots = max(model_slots, 1)
        self._slots = max(slots, 1)
        self._resident = resident_models
        self._lock = threading.Lock()
        self._waiting: dict[str, list[_Place]] = {}  # heaps, none of them empty
        self._in_use: Counter[str] = Counter()
        self._idle_s: dict[
            str, float
        ] = {}  # the least that a call of each model spent on the way and in the queue
        self._total = 0
        self._memory: OrderedDict[str, None] = OrderedDict()  # the least recently used first
        self._arrived = 0
        self._overtaken = 0

    def answered(self, model: str) -> None:
        """A call was answered; to be told before its slot is given back."""
        self._rates.answered()
        if self._first_slots is not None:
            with self._lock:
                self._pace(model).answered(self._in_use[model], time.monotonic())

    def overloaded(self, model: str, *, lost: bool) -> None:
        """The server was too busy for a call, which it did not answer in time (``lost``) or did not take."""
        if self._first_slots is not None:
            with self._lock:
                self._pace(model).overloaded(time.monotonic(), lost=lost)

    def refused(self, model: str, pause_s: float | None) -> None:
        """The server takes no call for a while: so long if it says it."""
        if self._rates.refused(pause_s) == 1:
            self.overloaded(model, lost=False)
        elif self._first_slots is not None:
            with self._lock:
                self._pace(model).restore()

    def queued_s(self, model: str, idle_s: float | None, behind: bool) -> float | None:
        """Of the seconds in which the server did nothing for a call, those that other calls of ours took.

        What the least of them all spent is the way there, which every call takes. One that went out while no other
        was in flight waited for nobody of ours (not ``behind``): its time is what the server is like. None: unknown.
        """
        if idle_s is None:
            return None
        with self._lock:
            least_s = self._idle_s[model] = min(idle_s, self._idle_s.get(model, idle_s))
        return idle_s - least_s if behind else 0.0

    def calls(self, model: str) -> int:
        """Calls of a model in flight."""
        return self._in_use[model]

    @property
    def refusals(self) -> int:
        """How often in a row the server took no call."""
        return self._rates.refusals

    async def turn(self, tokens: int = 0) -> None:
        """Wait until the server may be asked for about so many tokens; to be called with a slot in hand."""
        while (left_s := self._rates.wait_s(tokens)) > 0:
            await asyncio.sleep(left_s)

    @property
    def in_flight(self) -> int:
        """Calls that hold a slot."""
        return self._total

    def load(self, model: str) -> float:
        """Calls of a model in flight and waiting, by how many are worth it; a server that rests has no room."""
        with self._lock:
            busy = self._in_use[model] + len(self._waiting.get(model, ()))
            most = self._pace(model).limit if self._first_slots is not None else self._model_slots
        return busy / max(min(most, self._slots), 1) + (1e6 if self._rates.rests else 0.0)

    @property
    def at_once(self) -> dict[str, int]:
        """Calls in flight that are worth it, by model that was called: as found by trying, or as set."""
        with self._lock:
            fixed = min(self._model_slots, self._slots)
            return {
                model: self._paces[model].worth if model in self._paces else fixed
                for model in sorted(self._in_use)
                if model in self._paces or self._first_slots is None
            }

    def _pace(self, model: str) -> Pace:
        if model not in self._paces:
            self._paces[model] = Pace(self._first_slots or 1, self._model_slots)
        return self._paces[model]

    async def acquire(self, model: str, rank: int = 0) -> None:
        """Wait until ``model`` may be called; :meth:`release` when the call is over."""
        with self._lock:
            if not self._waiting and self._may_start(model):
                self._take(model)
                return
            loop = asyncio.get_running_loop()
            self._arrived += 1
            place = _Place((rank, self._arrived), model, loop, loop.create_future())
            heapq.heappush(self._waiting.setdefault(model, []), place)
            ready = self._next_places()
        self._wake(ready)
        try:
            await place.turn
        except asyncio.CancelledError:
            with self._lock:
                queue = self._waiting.get(model, [])
                if place in queue:
                    queue.remove(place)
                    heapq.heapify(queue)
                    self._forget_empty(model)
            if place.turn.done() and not place.turn.cancelled():  # it came together with the cancellation
                self.release(model)
            raise

    def release(self, model: str) -> None:
        """The call is over: the next one may start."""
        with self._lock:
            self._in_use[model] -= 1
            self._total -= 1
            ready = self._next_places()
            if not self._in_use[model] and model in self._paces:
                self._paces[model].idle()
        self._wake(ready)

    def _next_places(self) -> list[_Place]:
        """The calls that can start now; their slots are taken."""
        ready = []
        while (place := self._next_place()) is not None:
            self._take(place.model)
            ready.append(place)
        return ready

    def _next_place(self) -> _Place | None:
        firsts = sorted(queue[0] for queue in self._waiting.values())
        able = [place for place in firsts if self._may_start(place.model)]
        if not able:
            return None
        chosen = able[0]
        if self._resident is not None and self._overtaken < CALLS_PER_TURN:
            chosen = next((place for place in able if place.model in self._memory), chosen)
        self._overtaken = 0 if chosen is firsts[0] else self._overtaken + 1
        heapq.heappop(self._waiting[chosen.model])
        self._forget_empty(chosen.model)
        return chosen

    def _may_start(self, model: str) -> bool:
        most = self._model_slots
        if self._first_slots is not None:
            most = self._pace(model).limit
        if self._total >= self._slots or self._in_use[model] >= most:
            return False
        if self._resident is None:
            return True
        busy = sum(1 for number in self._in_use.values() if number)
        if self._in_use[model] == 0 and busy >= self._resident:
            return False  # none of those in memory can make room
        # The turn of one that has waited long: no more calls for the others, so that one of them gets idle.
        return self._overtaken < CALLS_PER_TURN or model == self._eldest()

    def _eldest(self) -> str:
        return min(queue[0] for queue in self._waiting.values()).model

    def _take(self, model: str) -> None:
        self._in_use[model] += 1
        self._total += 1
        self._memory[model] = None
        self._memory.move_to_end(model)
        while self._resident is not None and len(self._memory) > self._resident:
            idle = next((name for name in self._memory if not self._in_use[name]), None)
            if idle is None:
                break
            del self._memory[idle]

    def _forget_empty(self, model: str) -> None:
        if not self._waiting.get(model, True):
            del self._waiting[model]

    def _wake(self, ready: list[_Place]) -> None:
        here = asyncio.get_running_loop() if ready else None
        for place in ready:
            if place.loop is here:
                here.call_soon(self._hand_over, place)
                continue
            try:
                place.loop.call_soon_threadsafe(self._hand_over, place)
            except RuntimeError:  # that loop was closed while the call waited
                self.release(place.model)

    def _hand_over(self, place: _Place) -> None:
        if place.turn.done():
            self.release(place.model)
        else:
            place.turn.set_result(None)


_shared: WeakKeyDictionary[ModelServer, CallLimits] = WeakKeyDictionary()
_shared_lock = threading.Lock()


def limits_of(server: ModelServer) -> CallLimits:
    """The limits that all executors on ``server`` share: those that it names itself, and what it is allowed.

    A server elsewhere is asked as many calls as it is allowed; one that answers in this process, no more than it can.
    """
    with _shared_lock:
        if server not in _shared:
            allowed: Allowed = getattr(server, "allowed", None) or Allowed()
            first = getattr(server, "first_slots", None)
            most, model_slots, slots = allowed.max_concurrency, server.model_slots, server.slots
            if most is not None and hasattr(server, "first_slots"):
                model_slots, slots, first = most, most, None
            elif most is not None:
                model_slots, slots = min(model_slots, most), min(slots, most)
            per_minute = (allowed.requests_per_minute, allowed.tokens_per_minute)
            rates = Rates(*per_minute, getattr(server, "told_limits", None))
            _shared[server] = CallLimits(model_slots, slots, server.resident_models, first, rates)
        return _shared[server]


def calls_at_once(server: ModelServer) -> dict[str, int]:
    """Calls in flight that are worth it on ``server``, by model that was called; in a pool with the server's name."""
    found = {}
    for name, member in members_of(server).items():
        for model, number in limits_of(member).at_once.items():
            found[f"{name}/{model}" if name else model] = number
    return found


def calls_in_flight(server: ModelServer) -> int:
    """How many calls are out now."""
    return sum(limits_of(member).in_flight for member in members_of(server).values())
