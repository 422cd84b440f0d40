"""How many calls and tokens a minute a server takes: as somebody set it, as it says itself, or as its refusals show.

Every call passes :meth:`Rates.wait_s` when it has its slot. A server that said "too soon" (429) is left alone by all
for as long as it asks for, else for a part of the time for which it has refused, until it takes a call again. A limit
by the minute is used nearly to the last call, whether it refills call by call or all at once, and none fails for it.
"""

from __future__ import annotations

import itertools
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable

from optiq.servers.told_limits import ToldLimits

_MINUTE_S = 60.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 2.0
_PART = 0.15  # of the time that has been waited is waited once more: so much is lost at most
MOST_REFUSALS = 300
"""So many pauses in a row, without one call that was taken, are ten minutes: who still asks gives up."""


class Rates:
    """The limits per minute of one server, from any thread; times are those of ``clock``, which never jumps."""

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        told: ToldLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = (requests_per_minute, tokens_per_minute)
        self._told = told
        self._clock = clock
        self._begun: deque[tuple[float, int]] = deque()
        self._tokens = 0
        self._rest_until_s = self._refused_since_s = 0.0
        self.refusals = 0
        self._lock = threading.Lock()

    def wait_s(self, tokens: int) -> float:
        """Seconds until a call of about so many tokens may be begun; at 0 it counts as begun."""
        with self._lock:
            now_s = self._clock()
            wait_s = max(self._rest_until_s - now_s, self._own_wait_s(tokens, now_s))
            if self._told is not None:
                wait_s = max(wait_s, self._told.wait_s(tokens, now_s))
            if wait_s > 0:
                return wait_s
            if self._most != (None, None):
                self._begun.append((now_s, tokens))
                self._tokens += tokens
            if self._told is not None:
                self._told.begun(tokens, now_s)
            return 0.0

    def refused(self, pause_s: float | None) -> int:
        """The server took no call, and asks for a pause (None: it does not say how long).

        Returns how often it did so in a row: calls that were in flight together are refused together, which is once.
        """
        with self._lock:
            now_s = self._clock()
            if now_s >= self._rest_until_s:
                self.refusals += 1
                if self.refusals == 1:
                    self._refused_since_s = now_s
                if not pause_s:
                    waited_s = now_s - self._refused_since_s
                    pause_s = min(_PART * waited_s, _LONGEST_PAUSE_S)
                pause_s = max(pause_s, _SHORTEST_PAUSE_S)
            if pause_s:
                self._rest_until_s = max(self._rest_until_s, now_s + pause_s)
            return self.refusals

    @property
    def rests(self) -> bool:
        """Whether the server is left alone now."""
        return self._clock() < self._rest_until_s

    def answered(self) -> None:
        """The server took a call."""
        self.refusals = 0

    def _own_wait_s(self, tokens: int, now_s: float) -> float:
        """By the limits that were set: never more in any minute, whenever it begins."""
        while self._begun and self._begun[0][0] <= now_s - _MINUTE_S:
            self._tokens -= self._begun.popleft()[1]
        requests, most_tokens = self._most
        wait_s = 0.0
        if requests is not None and len(self._begun) >= requests:
            wait_s = self._begun[len(self._begun) - requests][0] + _MINUTE_S - now_s
        if most_tokens is not None and self._begun and self._tokens + tokens > most_tokens:
            gone = itertools.accumulate(taken for _, taken in self._begun)
            enough = bisect_left(list(gone), self._tokens + tokens - most_tokens)
            begun_s = self._begun[min(enough, len(self._begun) - 1)][0]
            wait_s = max(wait_s, begun_s + _MINUTE_S - now_s)
        return wait_s
