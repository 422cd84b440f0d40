"""How many calls of a model are worth having in flight, found while they are made.

Additive increase, multiplicative decrease (Chiu and Jain 1989, as in TCP), with a slow start: the limit grows fourfold
as long as more calls in flight bring more answers a second; then the fewest that bring as many are looked for by
halves; from then on an eighth less is tried now and then, and twice as many (an eighth more would be lost in the noise
of a window): a climb that a slow moment ended is taken up again. What brought nothing is tried half as often. When the
server is overloaded (429, 503, a time-out) the limit shrinks, and more is then what is missing to that which was too
much. Throughput is what counts: where calls only wait longer at the server, fewer of them do as well, so a latency
that grows for nothing shrinks the limit; that of a server that batches, and answers more, does not.
Nothing but the number of calls in flight depends on what is found.
"""

from __future__ import annotations

from typing import Literal

_GAIN = 1.1  # so much more throughput is no chance
_GAIN_MANIFOLD = 1.2  # of two or four times as many calls
_ENOUGH = 0.96  # and so much of the best is as good
_FOURFOLD = 4
_REST, _LONGEST_REST = 4, 64  # windows between two attempts
_LESS, _HALF = 0.8, 0.5  # of the limit is left after a call that came too soon, and after one that was lost


class Pace:
    """The limit of one model: it starts at ``first`` and never goes above ``most``. Not safe for threads by itself.

    ``limit`` is what holds now, perhaps as a try; ``_held`` is known to be worth it, ``_few`` to be too few.
    """

    def __init__(self, first: int, most: int) -> None:
        self.limit = self._held = self._before = min(first, most)
        self._most = most
        self._few = self._ceiling = 0
        self._best = 0.0
        self._phase: Literal["climb", "narrow", "hold"] = "climb"
        self._rest_more = self._until_more = self._rest_less = self._until_less = _REST
        self._begun = 0.0
        self._settling = 1  # answers that tell nothing yet
        self._answers = 0
        self._full = self._refused = False

    @property
    def worth(self) -> int:
        """What is known to be worth it."""
        return self._held

    def answered(self, in_flight: int, now_s: float) -> None:
        """A call was answered; so many were in flight with it."""
        if in_flight > self.limit:
            return  # begun under a higher limit
        if self._settling > 0:
            self._settling -= 1
            self._begun = now_s
            return
        self._answers, self._refused = self._answers + 1, False
        self._full = self._full or in_flight >= self.limit
        if self._answers >= max(self.limit * (1 if self._phase == "climb" else 2), 4):
            rate, before = self._answers / max(now_s - self._begun, 1e-9), self.limit
            if self._full:  # else there was too little to do to learn anything
                getattr(self, f"_{self._phase}")(rate)
            self._begin_window(now_s, settling=0 if self.limit == before else self.limit)

    def idle(self) -> None:
        """No call is in flight any more: the time until the next one tells nothing of the server."""
        self._begin_window(0.0, settling=1)

    def overloaded(self, now_s: float, *, lost: bool = False) -> None:
        """The server could not take the call, or (``lost``) did not answer it.

        Once a window: calls in flight together fail together.
        """
        if self._answers == 0 and self._refused and self.limit <= self._held:
            return
        self._refused = True
        self._before, self._ceiling = self._held, self.limit
        if self.limit <= self._held:  # else it was a try: what held before still does
            self._held = max(int(self.limit * (_HALF if lost else _LESS)), 1)
            self._rest_anew()
        else:
            self._was_in_vain(more=True)
        self.limit, self._phase, self._best = self._held, "hold", 0.0
        self._begin_window(now_s, settling=1)

    def restore(self) -> None:
        """It was not the number of calls in flight: a limit on calls a minute is waited for, and then all go on."""
        self.limit = self._held = max(self._before, self._held)

    def _climb(self, rate: float) -> None:
        """Fourfold, until that brings nothing more."""
        better = rate > self._best * _GAIN_MANIFOLD
        if better:
            self._few, self._held = (self._held if self._best else 0), self.limit
            self._best = rate
        if better and self._held < self._most:
            self.limit = min(self._held * _FOURFOLD, self._most)
        else:
            self._phase = "narrow"
            self._halve()

    def _narrow(self, rate: float) -> None:
        if rate >= self._best * _ENOUGH:
            self._held, self._best = self.limit, max(rate, self._best)
        else:
            self._few = self.limit
        self._halve()

    def _halve(self) -> None:
        """Try what lies between too few and enough, until the two are close."""
        if self._held - self._few > max(self._held // 8, 1):
            self.limit = (self._held + self._few) // 2
        else:
            self.limit, self._phase = self._held, "hold"

    def _hold(self, rate: float) -> None:
        """More and less are tried now and then; more at once where an overload has left the limit low."""
        if self.limit != self._held:
            self._judge(rate)
            return
        self._best += (rate - self._best) / 4 if self._best else rate
        self._until_more, self._until_less = self._until_more - 1, self._until_less - 1
        short = (self._ceiling - self._held) // 2
        if self._until_more <= 0 or (short > 1 and self._rest_more == _REST):
            self.limit = min(self._held + (short if short > 1 else self._held), self._most)
        elif self._until_less <= 0:
            self.limit = max(self._held - max(self._held // 8, 1), 1)

    def _judge(self, rate: float) -> None:
        """What became of the answers a second while more, or less, was tried."""
        manifold, more = self.limit >= 2 * self._held, self.limit > self._held
        if rate > self._best * (_GAIN_MANIFOLD if manifold else _GAIN if more else _ENOUGH):
            self._few, self._held, self._best = self._held if manifold else 0, self.limit, rate
            self._rest_anew()
            if manifold:
                self._phase, self.limit = "climb", min(self._held * _FOURFOLD, self._most)
        else:
            self._was_in_vain(more=more)
            self.limit = self._held

    def _was_in_vain(self, *, more: bool) -> None:
        """It is tried half as often from now on."""
        if more:
            self._until_more = self._rest_more = min(self._rest_more * 2, _LONGEST_REST)
        else:
            self._until_less = self._rest_less = min(self._rest_less * 2, _LONGEST_REST)

    def _rest_anew(self) -> None:
        self._rest_more = self._until_more = self._rest_less = self._until_less = _REST

    def _begin_window(self, now_s: float, settling: int) -> None:
        self._begun, self._answers, self._full, self._settling = now_s, 0, False, settling
