"""Takes the context of a run along where Python leaves it behind: into threads, pools of threads, other loops.

A thread begins without the context variables of who started it, and a thread of a pool keeps those of who came first.
"""

from __future__ import annotations

import asyncio
import contextvars
import multiprocessing.pool
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from typing import Any

from optiq.selection.agent_loop import agent_loop
from optiq.selection.patching import Patch, patched
from optiq.selection.recording import current


@contextmanager
def carrying() -> Iterator[None]:
    """While the block runs, what a run hands to a thread is done in the run's context."""
    pool = multiprocessing.pool.Pool
    patches: list[Patch] = [
        (threading.Thread, "start", _start),
        (ThreadPoolExecutor, "submit", _first_argument),
        *((pool, name, _of_threads) for name in ("apply_async", "_map_async", "imap", "imap_unordered")),
        (asyncio, "run", _in_shared_loop),
    ]
    with patched(patches):
        yield


def carried(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` in the context of who hands it over; in a copy for each call, as a context is entered once."""
    context = contextvars.copy_context()
    return lambda *arguments, **named: context.copy().run(function, *arguments, **named)


def _start(original: Any) -> Any:
    @wraps(original)
    def start(self: threading.Thread) -> None:
        if current.get() is not None and not self._started.is_set():  # type: ignore[attr-defined]
            self.run = carried(self.run)  # type: ignore[method-assign]
        original(self)

    return start


def _first_argument(original: Any) -> Any:
    @wraps(original)
    def submit(self: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
        return original(self, carried(function), *arguments, **named)

    return submit


def _of_threads(original: Any) -> Any:
    """Of a :class:`multiprocessing.pool.ThreadPool` only: what goes to another process cannot take it along."""
    carrying_along = _first_argument(original)

    @wraps(original)
    def submit(self: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
        threads = isinstance(self, multiprocessing.pool.ThreadPool)
        return (carrying_along if threads else original)(self, function, *arguments, **named)

    return submit


def _in_shared_loop(original: Any) -> Any:
    """``asyncio.run`` of a plain run: in the loop of all, so that clients which the agent shares outlive it."""

    @wraps(original)
    def run(main: Coroutine[Any, Any, Any], **options: Any) -> Any:
        recorder = current.get()
        if recorder is None or recorder.alone or options.get("loop_factory") is not None or _in_a_loop():
            return original(main, **options)
        work = agent_loop().submit(main)
        recorder.in_loop.append(work)
        return work.result()

    return run


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
