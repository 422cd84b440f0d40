"""One writer at a time: refreshes and restores of a home take turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import filelock

from optiq.errors import PerfDBError
from warehouse.home import Home

PATIENCE_S = 2.0
"""Who lands a file may hold the lock for less, to bundle small ones."""


@contextmanager
def alone(home: Home, timeout_s: float) -> Iterator[None]:
    """Hold the home's lock; the system lets go of it even if the process is killed.

    Raises
    ------
    PerfDBError
        if another process holds it for longer than ``timeout_s`` seconds.
    """
    try:
        with filelock.FileLock(home.lock, timeout=timeout_s):
            yield
    except filelock.Timeout:
        raise PerfDBError(
            f"another refresh of {home.path} is running", "Wait until it has ended, then try again."
        ) from None
