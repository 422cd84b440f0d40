"""Connections of the endpoint: how many there may be, and how long and how large the head of a request.

A connection needs no key. One that asks nothing, or never comes to the end of its head, would hold a file descriptor
for ever, and the process could open neither connections of others nor its own files.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

HEAD_S = 30.0
"""Longest time from the connection, or the begin of a further request, to the end of the head."""
HEAD_BYTES = 128 * 1024
_OWN_FILES = 192
"""Descriptors that are left for PerfDB, the journal and the model servers."""


def most_connections() -> int:
    """How many connections the process has room for, after it has asked the system for as many as it may have."""
    if os.name != "posix":
        return 4096
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    room = wanted if soft == resource.RLIM_INFINITY else soft
    return max(room - _OWN_FILES, 16)


def bounded_protocol(
    most: int, head_s: float = HEAD_S, head_bytes: int = HEAD_BYTES
) -> type[asyncio.Protocol]:
    """Uvicorn's HTTP, which closes connections beyond ``most`` and those whose head is late or too large."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    base: Any = AutoHTTPProtocol

    class Bounded(base):  # type: ignore[misc]
        """One connection."""

        _late: asyncio.TimerHandle | None = None
        _head = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.close()
            else:
                self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_answering():
                self._head = 0
                self._put_down()
                return
            self._head += len(data)
            if self._head > head_bytes:
                self._close()
            elif self._late is None:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._put_down()
            super().connection_lost(exc)

        def _is_answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _wait(self) -> None:
            self._late = asyncio.get_running_loop().call_later(head_s, self._close)

        def _put_down(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

        def _close(self) -> None:
            self._put_down()
            if not self._is_answering():
                self.transport.close()

    return Bounded
