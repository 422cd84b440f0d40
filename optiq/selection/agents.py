"""Agents: classes of the user's, whose model calls are seen at the transport while they run."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import inspect
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.execution.accounting import Prices, Tariff
from optiq.execution.ledger import LimitReached
from optiq.plans.plan import Plan
from optiq.questions.metric import COST
from optiq.questions.question import Kind, Question
from optiq.selection.interception import Transport, intercepting
from optiq.selection.metrics import load
from optiq.selection.recording import UNPRICED, Recorder, current, tagged, total_tokens
from optiq.selection.subjects import Made, wired
from optiq.statistics.snapshot import ANY_TOPIC

RUN_THREAD = "optiq-run"
"""How the threads of runs are named: one that is there after the selection was given up."""

_LOOK_S = 0.25


class AgentSubject:
    """A class of the user's: ``__init__(models: dict[role, model])`` and ``run(example)``, plain or async.

    ``run`` gets a dict with ``question``, ``question_id``, ``options``, ``kind`` and ``topics`` (never the reference).
    Models are given to it as ``model#role``: what it sends tells the role, and the transport puts the model.
    """

    roles: tuple[str, ...] | None = None

    def __init__(self, agent: str | type) -> None:
        self._class = load(agent, "agent") if isinstance(agent, str) else agent
        self.name = agent if isinstance(agent, str) else f"{agent.__module__}:{agent.__qualname__}"
        if not callable(self._class) or not callable(getattr(self._class, "run", None)):
            raise InputError(f"{self.name} is no agent class", "It needs __init__(models) and run(example).")

    @property
    def identity(self) -> str:
        """The hash of the file that the class is in."""
        try:
            source = Path(inspect.getfile(self._class)).read_bytes()
        except (OSError, TypeError):
            source = b""
        return f"{self.name}@{hashlib.sha256(source).hexdigest()[:12]}"

    @property
    def prompt(self) -> str:
        return f"agent:{self.identity}"

    @property
    def topic(self) -> str | None:
        return f"agent/{self.name}"

    def answer(self, question: Question, assignment: Mapping[str, str]) -> Any:
        """Run on one question. May raise anything. May return an awaitable."""
        models = {role: tagged(model, role) for role, model in assignment.items()}
        example = {
            "question_id": question.question_id,
            "question": question.text,
            "options": list(question.options),
            "kind": question.kind.value,
            "topics": [name for name, _ in question.topics],
        }
        return self._class(models).run(example)

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """A chain in the order of the roles: what the agent does between its calls nobody can see."""
        return wired(assignment, [(i, i + 1) for i in range(len(assignment) - 1)])


class AgentPerformer:
    """Runs an agent, each run in a thread of its own: one that hangs can only be left behind.

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
        self._tariff = transport.bill.tariff = cache(lambda model: tariff_of(prices, model))
        self._room = threading.Condition()
        self._longest: tuple[int, int, int] | None = None
        self._reserved = 0.0
        self._running = 0

    @property
    def spent_usd(self) -> float:
        return self._transport.bill.spent_usd

    @contextmanager
    def running(self) -> Iterator[None]:
        """Calls are intercepted inside."""
        with intercepting(self._transport):
            yield

    def perform(
        self, question: Question, assignment: Mapping[str, str], trial: int, interrupted: threading.Event
    ) -> Made | None:
        reserve = self._reserve(assignment, interrupted)
        recorder = Recorder(assignment, trial, self._tariff)
        started = time.perf_counter()
        answer, error = self._answer(question, recorder, interrupted)
        wall = time.perf_counter() - started
        self._settle(recorder, reserve)
        if recorder.called_off:
            for charge in recorder.in_flight:  # what comes of them nobody waits for
                self._transport.bill.failed(charge, TimeoutError())
            if interrupted.is_set():
                return None
            if recorder.short_of_money:
                recorder.over_limit = "calls in flight hold what is left of the limit"
        if recorder.over_limit is not None:
            raise LimitReached(recorder.over_limit)
        return Made(
            answer,
            error,
            recorder.calls,
            recorder.cost_usd(),
            None if error else recorder.latency_s(wall),
            tuple(recorder.cost_usd(role) for role in assignment),
            wall,
            recorder,
        )

    def _answer(
        self, question: Question, recorder: Recorder, interrupted: threading.Event
    ) -> tuple[str | None, str | None]:
        """Answer and error of one run."""
        done: list[tuple[str | None, str | None]] = []

        def work() -> None:
            current.set(recorder)
            try:
                answer = self._subject.answer(question, recorder.assignment)
                if inspect.isawaitable(answer):
                    answer = asyncio.run(_finished(answer))
                done.append((None, "returned None") if answer is None else (str(answer), None))
            except BaseException as fault:  # also an agent that calls sys.exit
                done.append((None, _described(fault)))

        thread = threading.Thread(
            target=contextvars.Context().run, args=(work,), name=RUN_THREAD, daemon=True
        )
        thread.start()
        deadline = time.monotonic() + self._timeout_s
        while thread.is_alive() and time.monotonic() < deadline and not interrupted.is_set():
            thread.join(min(_LOOK_S, max(deadline - time.monotonic(), 0.0)))
        if not done:
            recorder.called_off = True
            return None, f"no answer within {self._timeout_s:g} s"
        return done[0]

    def _reserve(self, assignment: Mapping[str, str], interrupted: threading.Event) -> float:
        """USD set aside for a run; :class:`LimitReached` if there is no room for it."""
        if self._limit is None:
            return 0.0
        with self._room:
            while self._longest is None and self._running and not interrupted.is_set():
                self._room.wait(0.5)
            prompt, output, calls = self._longest or (0, 0, 0)
            tariffs = [self._tariff(model) for model in set(assignment.values())]
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


def tariff_of(prices: Prices | None, model: str) -> Tariff:
    """USD of calls of ``model`` on any topic; NaN where they are not known."""
    return UNPRICED if prices is None else Tariff.at(COST, prices.figures(model, ANY_TOPIC, Kind.OPEN))


def _described(fault: BaseException) -> str:
    """A fault in one line, with the line of the user's code that it came through last."""
    said = " ".join(f"{type(fault).__name__}: {fault}".split())[:300]
    frames = traceback.extract_tb(fault.__traceback__)
    ours = str(Path(__file__).parents[1])
    own = [f for f in frames if not f.filename.startswith((ours, sys.base_prefix, sys.prefix))]
    return f"{said} ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else said


async def _finished(awaitable: object) -> object:
    return await awaitable  # type: ignore[misc]
