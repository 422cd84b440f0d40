"""Counts of a run while it goes on, or of its shards: what a progress display reads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from optiq.execution.ledger import Ledger
from optiq.execution.trace import Call, Execution

_ROUNDING = 1e-6  # the same floats are added up in another order


@dataclass(frozen=True)
class RunStanding:
    """A run at one moment. ``left_s`` is None while nothing can be said.

    ``at_once`` are calls in flight that are worth it, by model; ``late`` got no answer in time. ``spent_usd`` is what
    counts towards ``max_usd``: up to ``unanswered_usd`` of it, the most of calls that gave no answer, may never be
    billed, and no sum of answers has it.
    """

    total: int
    done: int
    running: int
    statuses: dict[str, int]
    calls: dict[str, int]
    errors: dict[str, int]
    cached: int
    at_once: dict[str, int]
    spent_usd: float
    spent_j: float
    max_usd: float | None
    max_j: float | None
    seconds: float
    left_s: float | None
    finished: bool
    unanswered_usd: float = 0.0
    late: dict[str, int] = field(default_factory=dict)


class Counts(Protocol):
    """Anything that a progress display can read: one run, or the shards of one."""

    def standing(self) -> RunStanding:
        """The run at this moment."""


class Tally:
    """Counts, from any thread. ``done`` questions were finished by earlier sessions.

    ``billed_usd`` is what their answers cost; None: all that the ledger knows of now.
    """

    def __init__(
        self,
        total: int,
        done: int,
        ledger: Ledger,
        max_usd: float | None = None,
        max_j: float | None = None,
        at_once: Callable[[], dict[str, int]] = dict,
        billed_usd: float | None = None,
    ) -> None:
        self._at_once = at_once
        self._total = total
        self._before = done
        self._done = done
        self._running = 0
        self._executed = 0  # and not settled yet
        self._ledger = ledger
        self._billed_usd = ledger.spent.cost_usd if billed_usd is None else billed_usd
        self._limits = (max_usd, max_j)
        self._statuses: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._late: Counter[str] = Counter()
        self._cached = 0
        self._started = time.monotonic()
        self._finished = False
        self._lock = threading.Lock()

    def began(self) -> None:
        with self._lock:
            self._running += 1

    def called(self, call: Call) -> None:
        with self._lock:
            self._cached += call.cached
            if not call.cached:
                self._calls[call.model] += 1
                if call.error is None:
                    self._billed_usd += call.cost_usd or 0.0
            if call.error is not None:
                self._errors[call.model] += 1

    def late(self, model: str) -> None:
        with self._lock:
            self._late[model] += 1

    def ended(self, execution: Execution | None) -> None:
        with self._lock:
            self._running -= 1
            self._executed += execution is not None

    def settled(self, statuses: list[str], executions: int) -> None:
        """These questions have their row; so many executions led to them."""
        with self._lock:
            self._done += len(statuses)
            self._executed -= executions
            self._statuses.update(statuses)

    def finish(self) -> None:
        """The session is over."""
        self._finished = True

    def standing(self) -> RunStanding:
        """All counts at this moment."""
        spent = self._ledger.spent  # before its calls are counted: else one that ends now looks unanswered
        with self._lock:
            seconds = time.monotonic() - self._started
            done = min(self._done + self._executed, self._total)
            fresh = done - self._before
            at_once = self._at_once()
            left = _left_s(self._total - done, fresh, _busy(self._running, at_once), seconds)
            return RunStanding(
                self._total,
                done,
                self._running,
                dict(self._statuses),
                dict(sorted(self._calls.items())),
                dict(self._errors),
                self._cached,
                at_once,
                spent.cost_usd,
                spent.energy_j,
                *self._limits,
                seconds,
                left,
                self._finished,
                unanswered_usd(spent.cost_usd, self._billed_usd),
                dict(self._late),
            )


class ShardsTally:
    """Counts of a sharded run, from the signs of life of its shards. ``done`` rows were settled before."""

    def __init__(
        self, total: int, done: int, max_usd: float | None = None, max_j: float | None = None
    ) -> None:
        self._total, self._apart = total, done
        self._limits = (max_usd, max_j)
        self._recorded: dict[int, int] = {}
        self._beats: dict[int, Mapping[str, Any]] = {}
        self._started = time.monotonic()
        self._finished = False
        self._first: int | None = None

    def beat(self, shard: int, pulse: Mapping[str, Any]) -> None:
        """The last sign of life of a shard."""
        if pulse.get("standing"):
            self._beats[shard] = pulse["standing"]

    def recorded(self, shard: int, done: int) -> None:
        """So many rows of the shard are on disk."""
        self._recorded[shard] = done

    def done_of(self, shard: int) -> int:
        """Rows of the shard that are known to be on disk."""
        return self._recorded.get(shard, 0)

    def finish(self) -> None:
        """The run is over."""
        self._finished = True

    def standing(self) -> RunStanding:
        """All counts at this moment; calls and statuses are those of the sessions that were seen."""
        beats = list(self._beats.values())
        shards = self._recorded.keys() | self._beats.keys()
        done = self._apart + sum(
            max(self._recorded.get(n, 0), self._beats.get(n, {}).get("done", 0)) for n in shards
        )
        done = min(done, self._total)
        self._first = done if self._first is None else self._first
        seconds = time.monotonic() - self._started
        fresh = done - self._first
        at_once, running = _sum(beats, "at_once"), sum(beat["running"] for beat in beats)
        return RunStanding(
            total=self._total,
            done=done,
            running=running,
            statuses=_sum(beats, "statuses"),
            calls=dict(sorted(_sum(beats, "calls").items())),
            errors=_sum(beats, "errors"),
            cached=sum(beat["cached"] for beat in beats),
            at_once=at_once,
            spent_usd=sum(beat["spent_usd"] for beat in beats),
            spent_j=sum(beat["spent_j"] for beat in beats),
            max_usd=self._limits[0],
            max_j=self._limits[1],
            seconds=seconds,
            left_s=_left_s(self._total - done, fresh, _busy(running, at_once), seconds),
            finished=self._finished,
            unanswered_usd=sum(beat["unanswered_usd"] for beat in beats),
            late=_sum(beats, "late"),
        )


def unanswered_usd(counted: float, billed: float) -> float:
    """What a ledger counted beyond the bill of the answers: calls that gave none, at their most."""
    more = counted - billed
    return more if more > _ROUNDING * counted else 0.0


def _busy(running: int, at_once: Mapping[str, int]) -> int:
    """Of the ``running`` questions those that a model is at; the others wait for one."""
    return min(running, sum(at_once.values())) if at_once else running


def _left_s(to_do: int, fresh: int, busy: int, seconds: float) -> float | None:
    """Seconds until the end, from what was done in ``seconds``; None before anything is.

    Questions that a model is at (``busy``) count half: else the first of many at once promises the time of all, one by
    one. Those that wait for a model that answers one at a time have not begun.
    """
    if not fresh:
        return None
    half = min(busy, to_do) / 2
    return (to_do - half) * seconds / (fresh + half)


def _sum(beats: list[Mapping[str, Any]], name: str) -> dict[str, int]:
    together: Counter[str] = Counter()
    for beat in beats:
        together.update(beat[name])
    return dict(together)
