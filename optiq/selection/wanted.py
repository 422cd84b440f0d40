"""Runs that somebody waits for, and threads that work on them."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any

from optiq.selection.evidence import Outcome, Run

_Task = tuple[Callable[..., object], tuple[Any, ...]]


class Wanted:
    """A run that is asked for, and who waits for its outcome; why it was made ``again`` before.

    ``judging``: it is over, and a thread looks at what came of it.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.future: Future[Outcome | None] = Future()
        self.again: list[str] = []
        self.judging = False

    def begins(self) -> bool:
        """Whether it is wanted still."""
        return self.future.running() or self.future.set_running_or_notify_cancel()

    def give(self, outcome: Callable[[], Outcome | None]) -> None:
        """Its outcome, or the fault in the way to it."""
        try:
            made = outcome()
        except BaseException as fault:  # for whoever asks for the result
            self.fail(fault)
        else:
            self._unless_given(self.future.set_result, made)

    def fail(self, fault: BaseException) -> None:
        """It cannot be made."""
        self._unless_given(self.future.set_exception, fault)

    @staticmethod
    def _unless_given(give: Callable[[Any], None], what: object) -> None:
        with contextlib.suppress(InvalidStateError):  # nobody waits for it any more
            give(what)


class DaemonThreads:
    """Up to ``size`` daemon threads that work on what is submitted, in its order; another when none is idle.

    Nothing waits for them: those of concurrent.futures hold up the end of a process until they are idle.
    """

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = threading.Semaphore(0)

    def submit(self, work: Callable[..., object], *arguments: Any) -> None:
        """Have ``work(*arguments)`` done. It says itself what came of it."""
        self._tasks.put((work, arguments))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._size:
            name = f"{self._name}-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            contextvars.Context().run(thread.start)

    def close(self) -> None:
        """Let each thread end after what it works on; what waits must be done."""
        for _ in self._threads:
            self._tasks.put(None)

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            work, arguments = task
            work(*arguments)
            if self._tasks.empty():
                self._idle.release()
