"""What a run does where nobody sees its model calls: connections and processes of its own.

An audit hook tells of them. It cannot be taken away again: it is one for the process, and does nothing outside of runs.
"""

from __future__ import annotations

import contextvars
import socket
import sys
from functools import cache
from typing import Any

from optiq.selection.recording import current

_seen: contextvars.ContextVar[bool] = contextvars.ContextVar("optiq_selection_seen", default=False)
_PROCESSES = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})


class seen:
    """What is connected inside the block belongs to a request that was looked at."""

    def __enter__(self) -> None:
        self._before = _seen.set(True)

    def __exit__(self, *_: object) -> None:
        _seen.reset(self._before)


def is_seen() -> bool:
    """Whether this is inside a request that was looked at: some clients are transports of others."""
    return _seen.get()


@cache
def watch() -> None:
    """From here on what runs do elsewhere is noted in their recorders."""
    sys.addaudithook(_heard)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "socket.connect" and event not in _PROCESSES:
        return
    recorder = current.get(None)
    if recorder is None or _seen.get():
        return
    if event in _PROCESSES:
        recorder.processes += 1
        if recorder.proxy is not None:
            assert recorder.proxy.port  # it must be there before a fork
    elif arguments[0].family in (socket.AF_INET, socket.AF_INET6) and arguments[0].type == socket.SOCK_STREAM:
        recorder.unseen.add(f"{arguments[1][0]}:{arguments[1][1]}")
