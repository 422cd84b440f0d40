"""What a selection or calibration may spend in all, over its sessions: its ledger, behind a lock of its own.

The account is that of the command: what was asked for, on which data. It is kept while the command has not come to its
end, so that one that was killed, or stopped at its limit, goes on with what is left and no new money; and no two
processes are at the same command at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from optiq.errors import InputError
from optiq.execution.ledger import Ledger
from warehouse.home import Home


class Account:
    """The spending of one command. ``same`` tells it from others; ``data`` is the file that it is about.

    Raises
    ------
    InputError
        if another process is at the same command, or what was spent before cannot be read.
    """

    def __init__(
        self,
        home: Home,
        what: str,
        data: str,
        same: Mapping[str, Any],
        max_usd: float | None,
        max_j: float | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        with Path(data).open("rb") as content:
            told = {"data": hashlib.file_digest(content, "sha256").hexdigest(), **same}
        described = json.dumps(told, sort_keys=True, default=str)
        key = hashlib.sha256(described.encode()).hexdigest()[:32]
        folder = home.path / "spending"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{what}-{key}.sqlite"
        self._lock = FileLock(self._path.with_suffix(".lock"), thread_local=False)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"the same {what} is going on in another process", "Wait for it, or stop it."
            ) from None
        try:
            if fresh:
                self._forget()
            self.ledger = Ledger(max_usd, max_j, path=self._path)
        except BaseException:
            self._lock.release()
            raise

    def close(self, *, ended: bool) -> None:
        """The session is over; ``ended``: the command too, and the next one is another."""
        try:
            self.ledger.close()
            if ended:
                self._forget()
        finally:  # the disk may be full
            self._lock.release()

    def _forget(self) -> None:
        for tail in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + tail).unlink()
