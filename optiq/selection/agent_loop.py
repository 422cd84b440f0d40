"""The event loop that the async runs of all agents in this process share.

A client that a module makes once belongs to the loop that it was first used in: with a loop for each run, every run
but the first would find its connections closed. So there is one, and it stays when a selection is over.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from optiq.selection.recording import Recorder, current

_ANSWERS_S = 0.5
"""A loop that nobody blocks comes to what is next in this time."""


class AgentLoop:
    """A loop in a daemon thread of its own, which knows whose task it is at."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._recorders: weakref.WeakKeyDictionary[asyncio.Task[Any], Recorder | None] = (
            weakref.WeakKeyDictionary()
        )
        self._loop.set_task_factory(self._task)  # type: ignore[arg-type]
        threading.Thread(target=self._loop.run_forever, name="optiq-agents", daemon=True).start()

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **more)
        self._recorders[task] = current.get()
        return task

    def submit(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        """What ``work`` will give, run in the context of the caller. Cancelling it calls ``work`` off."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def blocked_by(self) -> Recorder | None:
        """The run that keeps the loop from going on, if one does."""
        came = threading.Event()
        self._loop.call_soon_threadsafe(came.set)
        if came.wait(_ANSWERS_S):
            return None
        task = asyncio.current_task(self._loop)
        return None if task is None else self._recorders.get(task)

    @property
    def is_here(self) -> bool:
        """Whether the caller is run by this loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False


@contextmanager
def out_of_loop() -> Iterator[None]:
    """For code of others that is called where a loop runs, or beside one: it may run a loop of its own inside."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(running)


async def never() -> None:
    """What a run that was given up, and does not let itself be called off, is made to wait for."""
    _given_up.append(
        asyncio.get_running_loop().create_future()
    )  # kept, or its task would be collected, and go on
    await _given_up[-1]


_given_up: list[asyncio.Future[None]] = []
_lock = threading.Lock()
_the_loop: AgentLoop | None = None


def agent_loop() -> AgentLoop:
    """The loop of this process."""
    global _the_loop
    with _lock:
        if _the_loop is None:
            _the_loop = AgentLoop()
        return _the_loop


def leave_behind(blocked: AgentLoop) -> None:
    """Further runs get another loop: nobody can tell when ``blocked`` will go on."""
    global _the_loop
    with _lock:
        if _the_loop is blocked:
            _the_loop = None
