"""Runs combinations on examples: many at once, under one limit of calls, with what was done before taken from disk."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import inspect
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from optiq.errors import InputError
from optiq.questions.question import Question
from optiq.selection.daemon_threads import DaemonThreads
from optiq.selection.evidence import Outcome, Run
from optiq.selection.interception import Transport, intercepting
from optiq.selection.metrics import Metric
from optiq.selection.prices import PriceTable
from optiq.selection.recording import Recorder, current, total_tokens
from optiq.selection.space import Space
from optiq.selection.subjects import Subject

INTERRUPTED = "interrupted"
RUN_THREAD = "optiq-run"
"""How the threads of runs are named: one that is there after the selection was given up."""

_LOOK_S = 0.25
_CLOSING_S = 1.0


@dataclass(frozen=True)
class Limits:
    """How much at once, and when to stop.

    ``combinations`` and ``examples`` bound the runs in progress (their product), ``calls`` the model calls in
    flight over all of them. A run that takes longer than ``timeout_s`` has failed. ``max_total_cost_usd`` bounds what
    this selection is billed.
    """

    combinations: int = 4
    examples: int = 4
    calls: int = 8
    timeout_s: float = 120.0
    max_total_cost_usd: float | None = None

    def __post_init__(self) -> None:
        if min(self.combinations, self.examples, self.calls) < 1 or not self.timeout_s > 0:
            raise InputError("limits of concurrency and time start at 1 and above 0", "Give larger ones.")


@dataclass(frozen=True)
class Ran:
    """A run that was made now: for traces."""

    run: Run
    question: Question
    outcome: Outcome
    answer: str | None
    recorder: Recorder
    wall_s: float


@dataclass
class Progress:
    """Where a selection stands."""

    runs: int = 0
    reused: int = 0
    failed: int = 0
    without_calls: int = 0
    calls: int = 0
    cached_calls: int = 0
    spent_usd: float = 0.0
    unpriced_calls: int = 0
    stopped: str | None = None
    errors: dict[str, int] = field(default_factory=dict)


class Runtime:
    """The runner of :func:`optiq.selection.search.search` for a subject. ``on_run`` sees every run made now.

    ``prepare`` is called once before the first of them, for what takes long to load.
    """

    def __init__(
        self,
        subject: Subject,
        space: Space,
        questions: Sequence[Question],
        metric: tuple[str, Metric],
        prices: PriceTable,
        transport: Transport,
        limits: Limits,
        on_run: Callable[[Ran], None] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.subject, self.space, self.questions = subject, space, list(questions)
        self.metric_name, self._metric = metric
        self._prices, self._transport, self.limits = prices, transport, limits
        self._on_run, self._prepare = on_run, prepare
        self._preparing = threading.Lock()
        self.progress = Progress()
        self._lock = threading.Lock()
        self._interrupted = threading.Event()
        self._room = threading.Condition(self._lock)
        self._longest: tuple[int, int, int] | None = None
        self._reserved = 0.0
        self._running = 0
        self._pool = DaemonThreads(limits.combinations * limits.examples, "optiq-select")
        if limits.max_total_cost_usd is not None:
            unpriced = {m for models in space.candidates for m in models} - set(prices.prices)
            if unpriced:
                raise InputError(
                    f"no price is known for {', '.join(sorted(unpriced))}, so a spending limit cannot hold",
                    "Give prices with `optiq ingest priors FILE`, or leave out the limit.",
                )

    @contextlib.contextmanager
    def running(self) -> Iterator[Runtime]:
        """Calls are intercepted inside; what an agent prints goes to standard error."""
        try:
            with intercepting(self._transport), contextlib.redirect_stdout(sys.stderr):
                yield self
        finally:
            self._pool.close()

    def __call__(self, batch: Sequence[Run]) -> list[Outcome | None]:
        """The outcomes of a batch in its order; None for what the spending limit or Ctrl-C left out.

        After Ctrl-C (``progress.stopped`` is ``INTERRUPTED``) runs in progress are left behind, those that have
        their answer are still judged and kept.
        """
        if self.progress.stopped == INTERRUPTED:
            return [None] * len(batch)
        futures = [self._pool.submit(self._one, run) for run in batch]
        try:
            # In short waits: a signal that another thread takes does not end the main thread's wait for a lock.
            while wait(futures, _LOOK_S, FIRST_EXCEPTION).not_done and not any(map(_has_failed, futures)):
                pass
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            self._call_off(futures)
            with contextlib.suppress(KeyboardInterrupt):  # a second one: no time for what is nearly done
                wait(futures, _CLOSING_S)
            return [_given(future) for future in futures]
        except BaseException:
            self._call_off(futures)
            raise

    def _call_off(self, futures: Sequence[Future[Outcome | None]]) -> None:
        self.progress.stopped = self.progress.stopped or INTERRUPTED
        self._interrupted.set()
        for future in futures:
            future.cancel()

    def key(self, run: Run) -> str:
        """What tells a run from all others, for the store."""
        question = self.questions[run.example]
        models = self.space.assignment(run.combination)
        content = [
            self.subject.identity,
            self.metric_name,
            models,
            run.trial,
            question.text,
            question.options,
        ]
        described = json.dumps([*content, question.reference, question.kind.value], sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()

    def _one(self, run: Run) -> Outcome | None:
        if self.progress.stopped:
            return None
        store = self._transport.store
        key = self.key(run)
        if store is not None and (kept := store.outcome(key)) is not None:
            with self._lock:
                self.progress.reused += 1
                self.progress.failed += kept.error is not None
            return kept
        reserve = self._reserve(run)
        if reserve is None:
            return None
        with self._preparing:
            if self._prepare is not None:
                self._prepare()
                self._prepare = None
        recorder = Recorder(self.space.assignment(run.combination), run.trial, self._prices)
        question = self.questions[run.example]
        started = time.perf_counter()
        answer, error = self._answer(question, recorder)
        wall = time.perf_counter() - started
        if recorder.called_off and self._interrupted.is_set():
            return None  # neither failed nor done: it is run when the selection goes on
        self._settle(recorder, error, reserve)
        score = 0.0 if answer is None or error else self._metric(question, answer)
        outcome = Outcome(
            score,
            recorder.cost_usd(),
            None if error else recorder.latency_s(wall),
            error,
            tuple(recorder.cost_usd(role) for role in self.space.roles),
            len(recorder.calls),
        )
        if store is not None and error is None:  # a failure may pass: it is tried again when resumed
            store.keep_outcome(key, outcome)
        if self._on_run is not None:
            self._on_run(Ran(run, question, outcome, answer, recorder, wall))
        return outcome

    def _answer(self, question: Question, recorder: Recorder) -> tuple[str | None, str | None]:
        """Answer and error of one run. In a thread of its own: one that hangs can only be left behind."""
        done: list[tuple[str | None, str | None]] = []

        def work() -> None:
            current.set(recorder)
            try:
                answer = self.subject.answer(question, recorder)
                if inspect.isawaitable(answer):
                    answer = asyncio.run(_finished(answer))
                done.append((None, "returned None") if answer is None else (str(answer), None))
            except BaseException as fault:  # also an agent that calls sys.exit
                done.append((None, _described(fault)))

        thread = threading.Thread(
            target=contextvars.Context().run, args=(work,), name=RUN_THREAD, daemon=True
        )
        thread.start()
        deadline = time.monotonic() + self.limits.timeout_s
        while thread.is_alive() and time.monotonic() < deadline and not self._interrupted.is_set():
            thread.join(min(_LOOK_S, max(deadline - time.monotonic(), 0.0)))
        if not done:
            recorder.called_off = True
            return None, f"no answer within {self.limits.timeout_s:g} s"
        return done[0]

    def _reserve(self, run: Run) -> float | None:
        """USD set aside for a run under a spending limit; None if there is no room for it.

        As many tokens as the longest run so far, at the price of the dearest model of its combination. While
        nothing is known of their length, runs are made one at a time.
        """
        limit = self.limits.max_total_cost_usd
        with self._room:
            if limit is None:
                return 0.0
            while self._longest is None and self._running and not self.progress.stopped:
                self._room.wait(0.5)
            longest = self._longest or (0, 0, 0)
            prices = [self._prices.prices[model] for model in set(self.space.combinations[run.combination])]
            most = max(p.prompt * longest[0] + p.output * longest[1] + p.call * longest[2] for p in prices)
            if self.progress.stopped or self.progress.spent_usd + self._reserved + most > limit:
                reason = f"the spending limit of {limit:g} USD leaves no room for another run"
                self.progress.stopped = self.progress.stopped or reason
                return None
            self._running += 1
            self._reserved += most
            return most

    def _settle(self, recorder: Recorder, error: str | None, reserve: float) -> None:
        """Count what a run did, in place of what was set aside for it."""
        with self._room:
            progress = self.progress
            if self.limits.max_total_cost_usd is not None:
                self._running -= 1
                self._reserved -= reserve
                prompt, output = total_tokens(recorder.calls)
                before = self._longest or (0, 0, 0)
                used = (prompt or 0, output or 0, len(recorder.calls))
                self._longest = (max(before[0], used[0]), max(before[1], used[1]), max(before[2], used[2]))
                self._room.notify_all()
            progress.runs += 1
            progress.spent_usd += recorder.spent_usd()
            progress.calls += sum(not call.cached for call in recorder.calls)
            progress.cached_calls += sum(call.cached for call in recorder.calls)
            answered = [call for call in recorder.calls if call.error is None]
            progress.unpriced_calls += sum(call.cost_usd is None for call in answered)
            progress.without_calls += not recorder.calls
            if error is not None:
                progress.failed += 1
                progress.errors[error] = progress.errors.get(error, 0) + 1


def _described(fault: BaseException) -> str:
    """A fault in one line, with the line of the user's code that it came through last."""
    said = " ".join(f"{type(fault).__name__}: {fault}".split())[:300]
    frames = traceback.extract_tb(fault.__traceback__)
    ours = str(Path(__file__).parents[1])
    own = [f for f in frames if not f.filename.startswith((ours, sys.base_prefix, sys.prefix))]
    return f"{said} ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else said


def _has_failed(future: Future[Outcome | None]) -> bool:
    return future.done() and future.exception() is not None


def _given(future: Future[Outcome | None]) -> Outcome | None:
    """What a run gave; None if it was called off or is not done."""
    if not future.done() or future.cancelled() or future.exception() is not None:
        return None
    return future.result()


async def _finished(awaitable: object) -> object:
    return await awaitable  # type: ignore[misc]
