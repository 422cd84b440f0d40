"""A process by a name that no other process has: machine, pid and start time.

A pid alone is given again to somebody else, also after a restart of the machine; what was written down about a
process that is gone must never be taken for that one.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from functools import cache

_SLACK_S = 1.0
"""Start times are told in ticks since boot; what they are in seconds since 1970 may move when the clock is set."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process. ``started_s`` is seconds since 1970."""

    host: str
    pid: int
    started_s: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The process that has ``pid`` on this machine now; None if there is none."""
        import psutil

        try:
            return cls(socket.gethostname(), pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity | None:
        """What :func:`str` made of one; None for anything else."""
        before, _, started = text.rpartition(" ")
        host, _, pid = before.rpartition(" ")
        try:
            return cls(host, int(pid), float(started))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started_s:.2f}"

    @property
    def here(self) -> bool:
        """Whether it is or was a process of this machine, so that :meth:`is_running` can tell."""
        return self.host == socket.gethostname()

    def is_running(self) -> bool:
        """Whether it lives; False for a process of another machine, of which nobody here can tell."""
        import psutil

        if not self.here:
            return False
        try:
            process = psutil.Process(self.pid)
            return (
                abs(process.create_time() - self.started_s) < _SLACK_S
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.Error, ValueError):  # a number that is no pid
            return False


def this_process() -> ProcessIdentity:
    """The process that asks."""
    return _own(os.getpid())


@cache
def _own(pid: int) -> ProcessIdentity:
    found = ProcessIdentity.of(pid)
    assert found is not None, "a process that asks is running"
    return found
