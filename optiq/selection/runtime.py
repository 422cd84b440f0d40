"""Runs combinations on examples: many at once, with what was done before taken from disk, judged and counted.

Who performs a run is not its concern: an agent at the transport, or a plan or workflow on the executor.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, field, replace
from functools import cache, partial

from optiq.errors import InputError
from optiq.execution.ledger import LimitReached
from optiq.questions.question import Question
from optiq.selection.agent_loop import out_of_loop
from optiq.selection.evidence import Outcome, Run
from optiq.selection.examples import Example
from optiq.selection.faults import MADE_AGAIN, OURS, PROVIDER
from optiq.selection.metrics import Metric
from optiq.selection.recording import Recorder
from optiq.selection.space import Space
from optiq.selection.store import Store
from optiq.selection.subjects import LoopPerformer, Made, Performer, Subject
from optiq.selection.wanted import DaemonThreads, Wanted

INTERRUPTED = "interrupted"
STOP, DEAREST = "stop", "dearest"
"""What a call without a known price does under a limit: it stops the selection, or counts as the dearest known one."""

_LOOK_S = 0.25
_CLOSING_S = 1.0
_QUICK_S = 0.005  # what may keep a loop waiting


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
        # Of the keys of all runs: what does not change with the run, each combination and each example once.
        self._what = ", ".join(json.dumps(part, sort_keys=True) for part in (subject.identity, metric.name))
        self._models = cache(lambda place: json.dumps(space.assignment(place), sort_keys=True))
        self._described = cache(lambda example: json.dumps(self.examples[example].content, sort_keys=True))
        self._preparing = threading.Lock()
        self.progress = Progress()
        self._lock = threading.Lock()
        self._interrupted = threading.Event()
        self._at_once = limits.combinations * limits.examples
        self._pool = DaemonThreads(self._at_once, "optiq-select")
        self._driver: LoopPerformer | None = None
        self._driving: list[Future[None]] = []
        self._in_loop: set[Wanted] = set()
        self._quick = False

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
        wanted = [Wanted(run) for run in batch]
        futures, left = [one.future for one in wanted], deque(wanted)
        try:
            self._begin(left)
            # In short waits: a signal that another thread takes does not end the main thread's wait for a lock.
            while wait(futures, _LOOK_S, FIRST_EXCEPTION).not_done and not any(map(_has_failed, futures)):
                if self._driver is not None and self._driver.left():
                    left.extendleft(self._in_loop)
                    self._in_loop.clear()
                    self._begin(left)
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            self._call_off(futures)
            with contextlib.suppress(KeyboardInterrupt):  # a second one: no time for what is nearly done
                wait(futures, _CLOSING_S)
            return [*map(_given, futures)]
        except BaseException:
            self._call_off(futures)
            raise

    def _call_off(self, futures: Sequence[Future[Outcome | None]]) -> None:
        self.progress.stopped = self.progress.stopped or INTERRUPTED
        self._interrupted.set()
        for driving in self._driving:
            driving.cancel()
        for future in futures:
            future.cancel()

    def _begin(self, left: deque[Wanted]) -> None:
        """Set those that are ``left`` on their way: in the loop of the performer, or in threads."""
        if (performer := self._performer.in_loop) is not None:
            self._driver = performer
            self._driving = [drive for drive in self._driving if not drive.done()]
            self._driving.append(performer.loop.submit(self._drive(left, performer)))
            return
        while left:
            self._pool.submit(self._in_thread, left.popleft())

    async def _drive(self, left: deque[Wanted], performer: LoopPerformer) -> None:
        """In ``performer``'s loop: as many at once as may be, until none is left or others are to take over."""
        loop = performer.loop

        async def work() -> None:
            while left and self._performer.in_loop is performer and performer.loop is loop:
                self._in_loop.add(one := left.popleft())
                await self._here(one, left, performer)
                if performer.loop is loop:
                    self._in_loop.discard(one)
                    if one.judging:  # in a thread: no more runs at once than may be
                        with contextlib.suppress(Exception):
                            await asyncio.wrap_future(one.future)

        await asyncio.gather(*(work() for _ in range(min(self._at_once, len(left)))))
        if left and performer.loop is loop:
            self._begin(left)

    async def _here(self, one: Wanted, left: deque[Wanted], performer: LoopPerformer) -> None:
        """Make a run in the loop. What comes after it is done there too if that is quick: a thread costs more."""

        def came(made: Made | LimitReached) -> None:
            self._in_loop.discard(one)
            if isinstance(made, LimitReached):
                self._no_room(made)
                one.give(lambda: None)
            elif made.fault == OURS and len(one.again) < MADE_AGAIN:
                one.again.append(str(made.error))
                left.appendleft(one)
            else:
                made = replace(made, again=tuple(one.again))
                give = partial(one.give, partial(self._finished, one.run, key, made))
                if self._quick:
                    with out_of_loop():
                        give()
                else:
                    one.judging = True
                    self._pool.submit(give)

        run = one.run
        try:
            key = self.key(run)
            if not one.begins() or self.progress.stopped:
                one.give(lambda: None)
            elif (kept := self._kept(key)) is not None:
                one.give(lambda: kept)
            else:
                if self._prepare is not None:
                    await asyncio.to_thread(self._prepared)
                example, assignment = self.examples[run.example], self.space.assignment(run.combination)
                made = await performer.perform_here(example, assignment, run.trial, came)
                if made is not None:
                    came(made)
        except LimitReached as fault:
            came(fault)
        except asyncio.CancelledError:
            one.give(lambda: None)
            raise
        except Exception as fault:
            one.fail(fault)

    def key(self, run: Run) -> str:
        """What tells a run from all others, for the store."""
        described = (
            f"[{self._what}, {self._models(run.combination)}, {run.trial}, {self._described(run.example)}]"
        )
        return hashlib.sha256(described.encode()).hexdigest()

    def _in_thread(self, one: Wanted) -> None:
        if one.begins():
            one.give(partial(self._one, one.run))

    def _one(self, run: Run) -> Outcome | None:
        if self.progress.stopped:
            return None
        key = self.key(run)
        if (kept := self._kept(key)) is not None:
            return kept
        self._prepared()
        assignment = self.space.assignment(run.combination)
        try:
            made = self._performer.perform(
                self.examples[run.example], assignment, run.trial, self._interrupted
            )
        except LimitReached as fault:
            self._no_room(fault)
            return None
        if made is None:
            return None  # neither failed nor done: it is run when the selection goes on
        return self._finished(run, key, made)

    def _kept(self, key: str) -> Outcome | None:
        """What a run gave in an earlier session."""
        kept = None if self._store is None else self._store.outcome(key)
        if kept is not None:
            with self._lock:
                self.progress.reused += 1
                self.progress.failed += kept.error is not None
        return kept

    def _prepared(self) -> None:
        with self._preparing:
            if self._prepare is not None:
                self._prepare()
                self._prepare = None

    def _no_room(self, fault: LimitReached) -> None:
        why = f": {fault}" if "no price" in str(fault) or "signed" in str(fault) else ""
        reason = f"the spending limit of {self.limits.max_total_cost_usd:g} USD leaves no room for another run{why}"
        self.progress.stopped = self.progress.stopped or reason

    def _finished(self, run: Run, key: str, made: Made) -> Outcome:
        """Count, judge, tell and keep what a run came to."""
        example, started = self.examples[run.example], time.perf_counter()
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
            self._quick = time.perf_counter() - started < _QUICK_S
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
        if not recorder.calls:  # else it is most likely a tool's
            elsewhere |= recorder.posted
            if recorder.processes:
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
