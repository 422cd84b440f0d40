"""Runs combinations on examples: many at once, with what was done before taken from disk, judged and counted.

Who performs a run is not its concern: an agent at the transport, or a plan or workflow on the executor.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from optiq.errors import InputError
from optiq.execution.ledger import LimitReached
from optiq.questions.question import Question
from optiq.selection.evidence import Outcome, Run
from optiq.selection.examples import Example
from optiq.selection.faults import OURS, PROVIDER
from optiq.selection.metrics import Metric
from optiq.selection.recording import Recorder
from optiq.selection.space import Space
from optiq.selection.store import Store
from optiq.selection.subjects import Made, Performer, Subject

INTERRUPTED = "interrupted"
STOP, DEAREST = "stop", "dearest"
"""What a call without a known price does under a limit: it stops the selection, or counts as the dearest known one."""

_LOOK_S = 0.25
_CLOSING_S = 1.0
_Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Limits:
    """How much at once, and when to stop.

    ``combinations`` and ``examples`` bound the runs in progress (their product), ``calls`` the model calls in
    flight over all of them. A run that takes longer than ``timeout_s`` has failed. ``max_total_cost_usd`` bounds what
    this selection is billed; ``unknown_prices`` says what that means for calls whose price is not known.
    """

    combinations: int = 4
    examples: int = 4
    calls: int = 8
    timeout_s: float = 120.0
    max_total_cost_usd: float | None = None
    unknown_prices: str = STOP

    def __post_init__(self) -> None:
        if self.unknown_prices not in (STOP, DEAREST):
            raise InputError(f"unknown prices: {self.unknown_prices!r}", f"Say {STOP} or {DEAREST}.")
        if min(self.combinations, self.examples, self.calls) < 1 or not self.timeout_s > 0:
            raise InputError("limits of concurrency and time start at 1 and above 0", "Give larger ones.")


@dataclass(frozen=True)
class Ran:
    """A run that was made now: for traces."""

    run: Run
    question: Question
    outcome: Outcome
    made: Made


@dataclass
class Progress:
    """Where a selection stands. ``lost`` has how many runs failed by whose reason it was, if not the agent's.

    ``uncounted_calls`` are those whose tokens are bounds; ``unattributed_calls`` may be of more than one role. How many
    runs connected to an address, or started a process, where calls are not seen is in ``unseen``; how many asked a
    candidate that their combination does not have, in ``strangers``.
    """

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
    lost: dict[str, int] = field(default_factory=dict)
    made_again: dict[str, int] = field(default_factory=dict)
    uncounted_calls: int = 0
    unattributed_calls: int = 0
    unseen: dict[str, int] = field(default_factory=dict)
    strangers: dict[str, int] = field(default_factory=dict)


class Runtime:
    """The runner of :func:`optiq.selection.search.search` for a subject. ``on_run`` sees every run made now.

    ``store`` keeps outcomes (None: none are kept). ``prepare`` is called once before the first run, for what takes
    long to load.
    """

    def __init__(
        self,
        subject: Subject,
        performer: Performer,
        space: Space,
        examples: Sequence[Example],
        metric: Metric,
        store: Store | None,
        limits: Limits,
        on_run: Callable[[Ran], None] | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.subject, self.space, self.examples = subject, space, list(examples)
        self.metric = metric
        self._performer, self._store, self.limits = performer, store, limits
        self._on_run, self._prepare = on_run, prepare
        # Of the keys of all runs: what does not change with the run, and each example once.
        self._what = ", ".join(json.dumps(part, sort_keys=True) for part in (subject.identity, metric.name))
        self._described = cache(lambda example: json.dumps(self.examples[example].content, sort_keys=True))
        self._preparing = threading.Lock()
        self.progress = Progress()
        self._lock = threading.Lock()
        self._interrupted = threading.Event()
        self._pool = DaemonThreads(limits.combinations * limits.examples, "optiq-select")

    @contextlib.contextmanager
    def running(self) -> Iterator[Runtime]:
        """Runs are made inside; what an agent or metric prints goes to standard error."""
        try:
            with self._performer.running(), contextlib.redirect_stdout(sys.stderr):
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
        futures: list[Future[Outcome | None]] = []
        try:
            for run in batch:
                futures.append(self._pool.submit(self._one, run))
            # In short waits: a signal that another thread takes does not end the main thread's wait for a lock.
            while wait(futures, _LOOK_S, FIRST_EXCEPTION).not_done and not any(map(_has_failed, futures)):
                pass
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            self._call_off(futures)
            with contextlib.suppress(KeyboardInterrupt):  # a second one: no time for what is nearly done
                wait(futures, _CLOSING_S)
            left_out = len(batch) - len(futures)
            return [*map(_given, futures), *[None] * left_out]
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
        models = json.dumps(self.space.assignment(run.combination), sort_keys=True)
        described = f"[{self._what}, {models}, {run.trial}, {self._described(run.example)}]"
        return hashlib.sha256(described.encode()).hexdigest()

    def _one(self, run: Run) -> Outcome | None:
        if self.progress.stopped:
            return None
        key = self.key(run)
        if self._store is not None and (kept := self._store.outcome(key)) is not None:
            with self._lock:
                self.progress.reused += 1
                self.progress.failed += kept.error is not None
            return kept
        with self._preparing:
            if self._prepare is not None:
                self._prepare()
                self._prepare = None
        example = self.examples[run.example]
        try:
            made = self._performer.perform(
                example, self.space.assignment(run.combination), run.trial, self._interrupted
            )
        except LimitReached as fault:
            why = f": {fault}" if "no price" in str(fault) or "signed" in str(fault) else ""
            reason = f"the spending limit of {self.limits.max_total_cost_usd:g} USD leaves no room for another run{why}"
            self.progress.stopped = self.progress.stopped or reason
            return None
        if made is None:
            return None  # neither failed nor done: it is run when the selection goes on
        self._count(made)
        score = 0.0 if made.answer is None or made.error else self.metric.judge(example, made.output)
        outcome = Outcome(
            score, made.cost_usd, made.latency_s, made.error, made.role_cost_usd, len(made.calls),
            made.fault in (PROVIDER, OURS), made.role_calls or None,
        )  # fmt: skip
        # Told before it is kept, which it is in any case: what is kept is not run again, so its trace would be lost.
        try:
            if self._on_run is not None:
                self._on_run(Ran(run, example.question, outcome, made))
        finally:
            if self._store is not None and made.error is None:  # a failure may pass: it is tried again
                self._store.keep_outcome(key, outcome)
        return outcome

    def _count(self, made: Made) -> None:
        with self._lock:
            progress = self.progress
            progress.runs += 1
            progress.spent_usd = self._performer.spent_usd
            progress.calls += sum(not call.cached for call in made.calls)
            progress.cached_calls += sum(call.cached for call in made.calls)
            answered = [call for call in made.calls if call.error is None]
            progress.unpriced_calls += sum(call.cost_usd is None for call in answered)
            progress.without_calls += not made.calls and made.recorder is not None
            if (recorder := made.recorder) is not None:
                self._note(recorder)
            for reason in made.again:
                progress.made_again[reason] = progress.made_again.get(reason, 0) + 1
            if made.fault in (PROVIDER, OURS):
                progress.lost[made.fault] = progress.lost.get(made.fault, 0) + 1
            if made.error is not None:
                progress.failed += 1
                progress.errors[made.error] = progress.errors.get(made.error, 0) + 1

    def _note(self, recorder: Recorder) -> None:
        """What of a run's calls is not known for certain."""
        progress, models = self.progress, list(recorder.assignment.values())
        progress.uncounted_calls += sum(not call.counted for call in recorder.calls)
        progress.unattributed_calls += sum(
            call.role is None and models.count(call.model) > 1 for call in recorder.calls
        )
        elsewhere = set(recorder.unseen)
        if recorder.processes and not recorder.calls:  # else it is most likely a tool's
            elsewhere.add("a process of its own")
        for counts, names in ((progress.unseen, elsewhere), (progress.strangers, recorder.strangers)):
            for name in names:
                counts[name] = counts.get(name, 0) + 1


def _has_failed(future: Future[Outcome | None]) -> bool:
    return future.done() and future.exception() is not None


def _given(future: Future[Outcome | None]) -> Outcome | None:
    """What a run gave; None if it was called off or is not done."""
    if not future.done() or future.cancelled() or future.exception() is not None:
        return None
    return future.result()


class DaemonThreads:
    """Up to ``size`` daemon threads that work on what is submitted, in its order.

    Nothing waits for them: those of concurrent.futures hold up the end of a process until they are idle.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """What ``work(*arguments)`` will give."""
        future: Future[Any] = Future()
        self._tasks.put((future, work, arguments))
        if len(self._threads) < self._size:
            name = f"{self._name}-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Let each thread end after what it works on; futures that wait must be done or cancelled."""
        for _ in self._threads:
            self._tasks.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, work, arguments = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work(*arguments))
            except BaseException as fault:  # for whoever asks for the result
                future.set_exception(fault)
