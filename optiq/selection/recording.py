"""What one run of an agent did: its calls, attributed through a context variable that follows the agent's code.

The variable reaches coroutines and tasks by itself, threads and pools by :mod:`optiq.selection.carrying`.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from optiq.errors import OptiqError
from optiq.execution.accounting import Tariff, known_sum
from optiq.execution.ledger import LimitReached
from optiq.questions.metric import COST
from optiq.selection.bill import Charge, unpriced
from optiq.selection.roles import RoleMemory
from optiq.statistics.snapshot import ModelFigures


@dataclass(slots=True)
class CallRecord:
    """One model call. ``latency_s`` is that of the call when it was made, also if it was ``cached`` since.

    ``prompt_chars`` is the length of what was asked, before any template of the server.
    ``started_s`` and ``ended_s`` are on the clock of this process. Figures that are not known are None; a call
    that was refused (``error``) cost nothing. ``fault`` is whose it is (:mod:`optiq.selection.faults`).
    Tokens that were not ``counted`` by who answered are bounds: as many as the text has bytes.
    """

    role: str | None
    model: str
    started_s: float
    ended_s: float
    latency_s: float | None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    cached: bool = False
    output: str | None = None
    error: str | None = None
    prompt_chars: int = 0
    fault: str | None = None
    counted: bool = True


class RunCalledOff(OptiqError):
    """The run that this call belongs to was given up; it must not spend more."""


@dataclass
class Recorder:
    """Gathers the calls of one run. ``assignment`` is the model of each role; ``trial`` tells repeats apart.

    ``figures`` has what calls of a model cost. ``over_limit`` says why a call was refused: whatever the agent
    makes of it, the run is none. ``short_of_money``: a call of it waits for what others in flight hold.
    ``over``: nobody waits for it any more.
    ``in_flight`` are what calls took that were begun and are not over; ``left_open``: some were not when it was.
    ``waiting`` has by call since
    when it waits for a slot or for money; ``in_loop`` is what a plain run does in the event loop that all share,
    unless it is to have loops of its own (``alone``).
    ``memory`` is what its requests say of roles. ``token`` names it to the ``proxy``; it started so many ``processes``;
    ``unseen`` are addresses that it connected to where no calls are seen; ``posted`` those that it sent something to
    which names no model: most likely a tool's, unless the run asked no model at all. ``strangers`` are models that it
    asked, which are candidates but not of its combination.
    """

    assignment: Mapping[str, str]
    trial: int = 0
    figures: Callable[[str], ModelFigures] = unpriced
    calls: list[CallRecord] = field(default_factory=list)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    waited_s: float = 0.0
    waiting: dict[int, float] = field(default_factory=dict)
    called_off: bool = False
    over: bool = False
    over_limit: str | None = None
    short_of_money: bool = False
    in_flight: dict[int, Charge] = field(default_factory=dict)
    left_open: bool = False
    alone: bool = False
    memory: RoleMemory = field(default_factory=RoleMemory)
    token: str = ""
    proxy: Any = None
    processes: int = 0
    unseen: set[str] = field(default_factory=set)
    posted: set[str] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    in_loop: list[Future[Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self) -> None:
        """:class:`RunCalledOff` if the run was given up, :class:`LimitReached` if a call of it was refused."""
        if self.called_off:
            raise RunCalledOff("the run was given up", "It took longer than --timeout allows.")
        if self.over_limit is not None:
            raise LimitReached(self.over_limit)

    def waited(self, seconds: float) -> None:
        """Count time spent waiting for a free slot, which is nobody's latency."""
        with self._lock:
            self.waited_s += seconds

    def held_up_s(self) -> float:
        """Seconds that calls were made to wait so far, those that wait now among them."""
        with self._lock:
            now = clock()
            return self.waited_s + sum(now - since for since in self.waiting.values())

    def add(self, call: CallRecord) -> None:
        """Take in a call and price it."""
        if call.error is None:
            rates = self.figures(call.model).priced(call.prompt_tokens, datetime.now(UTC))
            tariff = Tariff.at(COST, rates)
            if call.output_tokens == 0:  # vectors have no price for what is written
                tariff = replace(tariff, output=0.0)
            call.cost_usd = tariff.charge(call.prompt_tokens, call.output_tokens)
        with self._lock:
            self.calls.append(call)

    def cost_usd(self, role: str | None = None) -> float | None:
        """Of the answered calls (of one role); None if one has no price, or may be of the role or of another.

        Nothing called is nothing spent, unless it may have called where nobody looks.
        """
        if self.left_open:
            return None
        if role is None:
            if not self.calls and self.may_have_called_unseen:
                return None
        elif any(c.role is None and c.error is None and c.model == self.assignment[role] for c in self.calls):
            return None
        return known_sum(
            call.cost_usd for call in self.calls if call.error is None and role in (None, call.role)
        )

    @property
    def may_have_called_unseen(self) -> bool:
        """Whether it connected where no calls are seen, sent what names no model, or started processes."""
        return bool(self.unseen or self.posted) or self.processes > 0

    def latency_s(self, wall_s: float) -> float | None:
        """How long the run takes without the cache and without waiting for slots.

        Wall time of everything but calls, plus the calls' own latencies; of calls that overlapped the longest
        counts. None if a call's latency is not known.
        """
        if any(call.latency_s is None for call in self.calls):
            return None
        groups = _overlapping(self.calls)
        inside = sum(max(c.ended_s for c in group) - min(c.started_s for c in group) for group in groups)
        theirs = sum(max(c.latency_s or 0.0 for c in group) for group in groups)
        return max(wall_s - self.waited_s - inside, 0.0) + theirs


def _overlapping(calls: Sequence[CallRecord]) -> list[list[CallRecord]]:
    """Calls in groups that share time."""
    groups: list[list[CallRecord]] = []
    end = float("-inf")
    for call in sorted(calls, key=lambda c: c.started_s):
        if call.started_s < end:
            groups[-1].append(call)
        else:
            groups.append([call])
        end = max(end, call.ended_s)
    return groups


current: contextvars.ContextVar[Recorder | None] = contextvars.ContextVar("optiq_selection_run", default=None)
"""The run that the code at hand belongs to."""


def total_tokens(calls: Iterable[CallRecord]) -> tuple[int | None, int | None]:
    """Prompt and output tokens of the answered calls; None where one did not tell."""
    answered = [call for call in calls if call.error is None]
    prompt = [call.prompt_tokens for call in answered]
    output = [call.output_tokens for call in answered]
    return (
        None if None in prompt else sum(n for n in prompt if n is not None),
        None if None in output else sum(n for n in output if n is not None),
    )


def clock() -> float:
    """Seconds on a clock that only runs forward."""
    return time.perf_counter()
