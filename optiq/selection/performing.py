"""Runs of agents: async ones in the process's one loop, others in threads; given up in time, held to what may be spent.

A run that failed for a reason of ours is given back as such (:mod:`optiq.selection.faults`).
"""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import inspect
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from contextlib import aclosing, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from optiq.execution.accounting import Prices, Tariff
from optiq.execution.ledger import LimitReached
from optiq.questions.metric import COST
from optiq.questions.question import Kind
from optiq.selection.agent_loop import AgentLoop, agent_loop, leave_behind
from optiq.selection.agents import AgentSubject
from optiq.selection.bill import unpriced
from optiq.selection.elsewhere import taking_along
from optiq.selection.examples import Example, as_text
from optiq.selection.faults import AGENT, MADE_AGAIN, OURS, fault_of_run, told
from optiq.selection.interception import Transport, intercepting
from optiq.selection.recording import Recorder, current, total_tokens
from optiq.selection.subjects import Made, added_up
from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures

RUN_THREAD = "optiq-run"
"""How the threads of runs are named: one that is there after the selection was given up."""

_LOOK_S = 0.25
_MONEY_S = 0.02  # between looks at whether there is money for a run
_LATE_S = 0.5  # a loop that goes on ends a run by itself when its time is up
_LONGEST_ANSWER = 100_000
"""Characters of an output that a trace keeps."""
_NOT_LET_GO = "another run did not let go of the event loop"


@dataclass(frozen=True)
class _End:
    """How a run ended: ``output``, or ``error`` in words and the ``exception`` that it is."""

    output: Any = None
    error: str | None = None
    exception: BaseException | None = None
    ours: bool = False


@dataclass
class _InLoop:
    """A run that is in progress in the loop; who is told if the loop is left behind with it."""

    recorder: Recorder
    reserve: float
    deadline: float
    lost: Callable[[Made | LimitReached], None]


class AgentPerformer:
    """Runs an agent on examples: an async one in the loop, any from as many threads as there are runs at once.

    Each call is held to what the bill allows (:mod:`optiq.selection.bill`). Besides, so that money is not spent on runs
    that cannot be finished, a run is expected to take as many tokens as the longest so far, at the price of the
    dearest model of its combination; while nothing is known of their length, runs are made one at a time.
    """

    def __init__(
        self,
        subject: AgentSubject,
        transport: Transport,
        prices: Prices | None,
        timeout_s: float,
        max_total_cost_usd: float | None,
    ) -> None:
        self._subject, self._transport = subject, transport
        self._timeout_s, self._limit = timeout_s, max_total_cost_usd
        self._figures = transport.bill.figures = cache(lambda model: figures_of(prices, model))
        self._room = threading.Condition()
        self._longest: tuple[int, int, int] | None = None
        self._reserved = 0.0
        self._running = 0
        self.loop = agent_loop()
        self._runs_in_loop: dict[int, _InLoop] = {}

    @property
    def in_loop(self) -> AgentPerformer | None:
        """Itself, for async agents that do not keep the loop waiting while they ask."""
        return self if self._subject.asynchronous and not self._transport.blocking else None

    @property
    def spent_usd(self) -> float:
        return self._transport.bill.spent_usd

    @contextmanager
    def running(self) -> Iterator[None]:
        """Calls are intercepted inside."""
        self.loop = agent_loop()
        with intercepting(self._transport), taking_along(self._transport):
            yield

    def perform(
        self, example: Example, assignment: Mapping[str, str], trial: int, interrupted: threading.Event
    ) -> Made | None:
        again: list[str] = []
        while True:
            # Who blocks the loop that all share gets one of its own, unless its clients cannot do with that.
            recorder = Recorder(
                assignment, trial, self._figures, alone=self._transport.blocking and not again
            )
            made = self._performed(example, recorder, interrupted)
            if made is None or made.fault != OURS or len(again) == MADE_AGAIN:
                return made and dataclasses.replace(made, again=tuple(again))
            again.append(str(made.error))

    def _performed(self, example: Example, recorder: Recorder, interrupted: threading.Event) -> Made | None:
        reserve = self._reserve(recorder.assignment, interrupted)
        started = time.perf_counter()
        with self._transport.entered(recorder):
            end = self._ended(example, recorder, interrupted)
        wall = time.perf_counter() - started
        return self._made(recorder, end, wall, reserve, interrupted.is_set())

    async def perform_here(
        self,
        example: Example,
        assignment: Mapping[str, str],
        trial: int,
        lost: Callable[[Made | LimitReached], None],
    ) -> Made | None:
        recorder = Recorder(assignment, trial, self._figures)
        while (reserve := self._set_aside(assignment)) is None:
            await asyncio.sleep(_MONEY_S)
            if not self.loop.is_here:
                return None
        run = _InLoop(recorder, reserve, time.monotonic() + self._timeout_s, lost)
        self._runs_in_loop[id(run)] = run
        started = time.perf_counter()
        try:
            with self._transport.entered(recorder):
                end = await self._ended_here(example, run)
        except asyncio.CancelledError:
            if self._runs_in_loop.pop(id(run), None) is not None:
                self._made(recorder, _End(), 0.0, reserve, True)
            raise
        if self._runs_in_loop.pop(id(run), None) is None:
            return None
        return self._made(recorder, end, time.perf_counter() - started, reserve, False)

    def left(self) -> bool:
        now = time.monotonic()
        late = [
            r
            for r in list(self._runs_in_loop.values())
            if now > r.deadline + r.recorder.held_up_s() + _LATE_S
        ]
        blocking = self.loop.blocked_by() if late else None
        if blocking is None:
            return False
        leave_behind(self.loop)
        self.loop = agent_loop()
        while self._runs_in_loop:
            _, run = self._runs_in_loop.popitem()
            run.recorder.called_off = True
            self._transport.proxy.leave(run.recorder)
            end = self._too_late() if run.recorder is blocking else _End(None, _NOT_LET_GO, ours=True)
            try:
                made = self._made(run.recorder, end, self._timeout_s, run.reserve, False)
            except LimitReached as fault:
                run.lost(fault)
            else:
                assert made is not None
                run.lost(made)
        return True

    def _made(
        self, recorder: Recorder, end: _End, wall: float, reserve: float, interrupted: bool
    ) -> Made | None:
        """What came of a run that is over; None if it was ``interrupted`` before it had ended."""
        assignment = recorder.assignment
        self._settle(recorder, reserve)
        for charge in list(recorder.in_flight.values()):  # what comes of them nobody waits for
            self._transport.bill.failed(charge, TimeoutError())
            recorder.left_open = not recorder.called_off
        if recorder.left_open:
            recorder.unseen.add("a call without waiting for its answer")
        if recorder.called_off:
            if interrupted:
                return None
            if recorder.short_of_money:
                recorder.over_limit = "calls in flight hold what is left of the limit"
        if recorder.over_limit is not None:
            raise LimitReached(recorder.over_limit)
        fault = OURS if end.ours else fault_of_run(end.exception, recorder.calls)
        if not recorder.calls and self._transport.strays:
            recorder.unseen.add("a thread of another run")
        error = end.error
        if error is None and fault is not None:
            error = next(call.error for call in reversed(recorder.calls) if call.fault == fault)
        if error is not None and fault is None:
            fault = AGENT
        return Made(
            None if end.output is None else as_text(end.output)[:_LONGEST_ANSWER],
            error,
            recorder.calls,
            recorder.cost_usd(),
            None if error else recorder.latency_s(wall),
            tuple(recorder.cost_usd(role) for role in assignment),
            wall,
            recorder,
            fault=fault,
            output=end.output,
            role_calls=tuple(
                added_up([call for call in recorder.calls if call.role == role]) for role in assignment
            ),
        )

    def _ended(self, example: Example, recorder: Recorder, interrupted: threading.Event) -> _End:
        """Begin a run, and wait until it is over or out of time. Time that its calls wait for us is not its own."""
        loop = agent_loop() if self._subject.asynchronous and not recorder.alone else None
        begun = self._begun(example, recorder, loop)
        deadline = time.monotonic() + self._timeout_s
        while True:
            left = deadline + recorder.held_up_s() - time.monotonic()
            if left <= 0 or interrupted.is_set():
                break
            with suppress(TimeoutError):
                return begun.result(min(_LOOK_S, left))
        if begun.done():
            return begun.result()
        blocking = None if loop is None or interrupted.is_set() else loop.blocked_by()
        self._call_off(recorder, begun)
        if loop is not None and blocking is not None:
            leave_behind(loop)
            if blocking is not recorder:
                return _End(None, _NOT_LET_GO, ours=True)
        return self._too_late()

    async def _ended_here(self, example: Example, run: _InLoop) -> _End:
        """The same in the loop itself."""
        recorder, context = run.recorder, contextvars.Context()
        context.run(current.set, recorder)
        begin = asyncio.get_running_loop().create_task
        begun = context.run(begin, self._in_loop(example, recorder))
        try:
            while (left := run.deadline + recorder.held_up_s() - time.monotonic()) > 0:
                if (await asyncio.wait((begun,), timeout=left))[0]:
                    return begun.result()
        except asyncio.CancelledError:
            self._call_off(recorder, begun)
            raise
        self._call_off(recorder, begun)
        waited_for = time.monotonic() - run.deadline - recorder.held_up_s()
        return _End(None, _NOT_LET_GO, ours=True) if waited_for > _LATE_S / 2 else self._too_late()

    def _too_late(self) -> _End:
        return _End(None, f"no answer within {self._timeout_s:g} s")

    @staticmethod
    def _call_off(recorder: Recorder, begun: Future[_End] | asyncio.Task[_End]) -> None:
        recorder.called_off = True
        for work in (begun, *recorder.in_loop):
            work.cancel()

    def _begun(self, example: Example, recorder: Recorder, loop: AgentLoop | None) -> Future[_End]:
        """A run on its way: in ``loop``, or in a thread of its own, as one that hangs can only be left behind."""
        context = contextvars.Context()
        context.run(current.set, recorder)
        if loop is not None:
            return context.run(loop.submit, self._in_loop(example, recorder))
        future: Future[_End] = Future()

        def work() -> None:
            try:
                end = _end(_whole_here(self._subject.answer(example, recorder.assignment), recorder))
            except BaseException as fault:  # also an agent that calls sys.exit
                end = _failed(fault)
            with suppress(InvalidStateError):  # nobody waits for it any more
                future.set_result(end)

        threading.Thread(target=context.run, args=(work,), name=RUN_THREAD, daemon=True).start()
        return future

    async def _in_loop(self, example: Example, recorder: Recorder) -> _End:
        try:
            return _end(await _whole(self._subject.answer(example, recorder.assignment), recorder))
        except asyncio.CancelledError:
            if recorder.called_off:
                raise
            return _End(None, "CancelledError: the agent cancelled itself")
        except BaseException as fault:
            return _failed(fault)

    def _reserve(self, assignment: Mapping[str, str], interrupted: threading.Event) -> float:
        """USD set aside for a run; :class:`LimitReached` if there is no room for it."""
        with self._room:
            while (most := self._set_aside(assignment, interrupted.is_set())) is None:
                self._room.wait(0.5)
            return most

    def _set_aside(self, assignment: Mapping[str, str], at_once: bool = False) -> float | None:
        """The same; None if that is to be known when a run in progress is over, unless it has to be ``at_once``."""
        if self._limit is None:
            return 0.0
        with self._room:
            if self._longest is None and self._running and not at_once:
                return None
            prompt, output, calls = self._longest or (0, 0, 0)
            tariffs = [self._transport.bill.bound(model, prompt) for model in set(assignment.values())]
            most = max(t.fixed * calls + t.prompt * prompt + t.output * output for t in tariffs)
            if self.spent_usd + self._reserved + most > self._limit:
                raise LimitReached(f"{self._limit:g} USD leave no room for another run")
            self._running += 1
            self._reserved += most
            return most

    def _settle(self, recorder: Recorder, reserve: float) -> None:
        """Count what a run took, in place of what was set aside for it."""
        with self._room:
            if self._limit is None:
                return
            self._running -= 1
            self._reserved -= reserve
            prompt, output = total_tokens(recorder.calls)
            used = (prompt or 0, output or 0, len(recorder.calls))
            before = self._longest or (0, 0, 0)
            self._longest = (max(before[0], used[0]), max(before[1], used[1]), max(before[2], used[2]))
            self._room.notify_all()


def figures_of(prices: Prices | None, model: str) -> ModelFigures:
    """The rates of ``model`` on any topic, with or without its provider before its name."""
    if prices is None:
        return unpriced(model)
    names = (model, model.partition("/")[2], model.rpartition("/")[2])
    found = [prices.figures(name, ANY_TOPIC, Kind.OPEN) for name in names if name]
    return next((figures for figures in found if Tariff.at(COST, figures).known), found[0])


async def _whole(output: Any, recorder: Recorder) -> Any:
    """What an agent gives in the end: what can be awaited was awaited, and generators were read to their end.

    They are not read for ever: :class:`optiq.selection.recording.RunCalledOff` once the run was given up.
    """
    while True:
        if isinstance(output, Future):
            output = asyncio.wrap_future(output)
        if inspect.isawaitable(output):
            output = await output
        elif inspect.isasyncgen(output):
            parts = []
            async with aclosing(output):
                async for part in output:
                    recorder.check()
                    parts.append(part)
            output = _in_one(parts)
        elif inspect.isgenerator(output):
            output = _read(output, recorder)
        else:
            return output


def _whole_here(output: Any, recorder: Recorder) -> Any:
    """The same in a thread; a loop is only used where one has to be."""
    while True:
        if isinstance(output, Future):
            output = output.result()
        elif inspect.isgenerator(output):
            output = _read(output, recorder)
        elif inspect.isawaitable(output) or inspect.isasyncgen(output):
            output = asyncio.run(_whole(output, recorder))
        else:
            return output


def _read(output: Any, recorder: Recorder) -> Any:
    """The same of a generator that is not async."""
    parts = []
    with closing(output):
        for part in output:
            recorder.check()
            parts.append(part)
    return _in_one(parts)


def _in_one(parts: list[Any]) -> Any:
    """Text in one piece; anything else as a list. Who gave nothing has no answer."""
    if not parts:
        return None
    return "".join(parts) if all(isinstance(part, str) for part in parts) else parts


def _end(output: Any) -> _End:
    return _End(None, "returned None") if output is None else _End(output)


def _failed(fault: BaseException) -> _End:
    """A fault in one line, with the line of the user's code that it came through last."""
    said = " ".join(f"{type(fault).__name__}: {told(fault)}".split())[:300]
    frames = traceback.extract_tb(fault.__traceback__)
    ours = str(Path(__file__).parents[1])
    own = [f for f in frames if not f.filename.startswith((ours, sys.base_prefix, sys.prefix))]
    place = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return _End(None, said + place, fault)
