"""Takes a run along into processes of :mod:`multiprocessing`, forked or spawned, and pools of them.

There the same hooks send every model call round by the proxy of the process that counts, whatever its address.
"""

from __future__ import annotations

import contextvars
import multiprocessing.pool
import multiprocessing.process
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any

from optiq.selection.interception import Transport, intercepting
from optiq.selection.patching import Patch, patched
from optiq.selection.proxy import Proxy
from optiq.selection.recording import Recorder, current


@dataclass(frozen=True)
class Elsewhere:
    """A function that is called in the name of a run, in another process."""

    function: Callable[..., Any]
    assignment: Mapping[str, str]
    token: str
    port: int
    candidates: frozenset[str]

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        _hooked(self.candidates)
        recorder = Recorder(self.assignment, token=self.token, proxy=Proxy(self.port))
        context = contextvars.copy_context()
        context.run(current.set, recorder)
        return context.run(self.function, *arguments, **named)


@contextmanager
def taking_along(transport: Transport) -> Iterator[None]:
    """While the block runs, what a run hands to another process is done in its name."""

    def elsewhere(function: Any) -> Any:
        recorder = current.get()
        if recorder is None or recorder.proxy is None or isinstance(function, Elsewhere):
            return function
        assignment = dict(recorder.assignment)
        return Elsewhere(function, assignment, recorder.token, recorder.proxy.port, transport.candidates)

    def handed(original: Any) -> Any:
        @wraps(original)
        def submit(self: Any, function: Any, /, *arguments: Any, **named: Any) -> Any:
            if not isinstance(self, multiprocessing.pool.ThreadPool):
                function = elsewhere(function)
            return original(self, function, *arguments, **named)

        return submit

    def started(original: Any) -> Any:
        @wraps(original)
        def start(self: Any) -> None:
            if self._target is not None:
                self._target = elsewhere(self._target)
            original(self)

        return start

    pool = multiprocessing.pool.Pool
    patches: list[Patch] = [
        (multiprocessing.process.BaseProcess, "start", started),
        (ProcessPoolExecutor, "submit", handed),
        *((pool, name, handed) for name in ("apply_async", "_map_async", "imap", "imap_unordered")),
    ]
    with patched(patches):
        yield


_of_this_process = ExitStack()


@cache
def _hooked(candidates: frozenset[str]) -> None:
    """Hooks in a process that was spawned; they stay as long as it is there. A forked one has those of its parent."""
    import httpx

    if not hasattr(httpx.Client.send, "__wrapped__"):
        _of_this_process.enter_context(intercepting(Transport(None, 1, candidates=candidates, process=-1)))
