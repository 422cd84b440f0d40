"""How many calls of a model are worth having in flight, found while they are made.

Additive increase, multiplicative decrease (Chiu and Jain 1989, as in TCP), with TCP's slow start: the limit doubles as
long as more calls in flight bring more answers a second, then feels its way up by an eighth, and is halved when the
server is overloaded (429, 503, a time-out). Throughput is what counts, not latency: that of a language model is mostly
the length of its answer. Nothing but the number of calls in flight depends on what is found.
"""

from __future__ import annotations

_GAIN = 1.1  # so much more throughput is no chance
_REST = 8  # windows between two attempts to go higher


class Pace:
    """The limit of one model: it starts at ``first`` and never goes above ``most``. Not safe for threads by itself."""

    def __init__(self, first: int, most: int) -> None:
        self.limit = min(first, most)
        self._most = most
        self._held = self.limit  # what was good enough before the limit was raised
        self._best = 0.0
        self._starting = True
        self._rest = 0
        self._begun: float | None = None
        self._answers = 0
        self._full = False

    def answered(self, in_flight: int, now_s: float) -> None:
        """A call was answered; so many were in flight with it."""
        if self._begun is None:
            self._begun = now_s
            return
        self._answers += 1
        self._full = self._full or in_flight >= self.limit
        if self._answers >= max(2 * self.limit, 8):
            rate = self._answers / max(now_s - self._begun, 1e-9)
            if self._full:  # else there was too little to do to learn anything
                self._learn(rate)
            self._begin_window(now_s)

    def overloaded(self, now_s: float) -> None:
        """The server could not take the call. Once a window: calls in flight together fail together."""
        self._starting = False
        if self._answers > 0 or self._begun is None or self.limit > self._held:
            self.limit = self._held = max(min(self.limit, self._held) // 2, 1)
            self._best, self._rest = 0.0, _REST
            self._begin_window(now_s)

    def _learn(self, rate: float) -> None:
        if self.limit > self._held or self._best == 0.0:  # a step up was tried
            if rate > self._best * _GAIN:
                self._best, self._held = rate, self.limit
                self._raise()
            else:
                self.limit, self._starting, self._rest = self._held, False, _REST
            return
        self._best += (rate - self._best) / 4
        self._rest -= 1
        if self._rest <= 0:
            self._raise()

    def _raise(self) -> None:
        step = self.limit if self._starting else max(self.limit // 8, 1)
        self.limit = min(self.limit + step, self._most)
        self._rest = _REST

    def _begin_window(self, now_s: float) -> None:
        self._begun, self._answers, self._full = now_s, 0, False
