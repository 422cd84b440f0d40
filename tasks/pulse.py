"""A sign of life: a small file that changes every few seconds while a process works on a run.

Whoever watches compares contents, not clocks: machines need not agree on the time. It also tells how far
the run is.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from optiq.errors import OptiqError
from tasks.tally import RunStanding
from warehouse.home import Home

BEAT_S = 3.0
BEAT_IN_A_STORE_S = 10.0  # each beat is a request or two


class Pulse:
    """Beats in a thread of its own until :meth:`stop`. ``start`` says which start of the run it is."""

    def __init__(self, home: Home, path: Path, standing: Callable[[], RunStanding], start: int = 0) -> None:
        self._home, self._path, self._standing, self._start = home, path, standing, start
        self._count = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="optiq-pulse", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Beat once more, and no more."""
        self._stopped.set()
        self._thread.join()
        self._beat()

    def _run(self) -> None:
        while True:
            self._beat()
            if self._stopped.wait(BEAT_IN_A_STORE_S if self._home.mirrored else BEAT_S):
                return

    def _beat(self) -> None:
        self._count += 1
        told = {"host": socket.gethostname(), "pid": os.getpid(), "count": self._count, "start": self._start}
        told |= {"standing": asdict(self._standing())}
        # A beat that cannot be written is a beat missed: the run itself says what is wrong with the disk.
        with suppress(OSError, OptiqError):
            temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            temporary.write_text(json.dumps(told), encoding="utf-8")
            temporary.replace(self._path)
            self._home.share(self._path)


def read_pulse(path: Path) -> dict[str, Any]:
    """The last beat; empty if there was none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
