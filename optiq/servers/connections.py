"""What the HTTP servers share: addresses, clients per event loop, and faults told apart by status."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit
from weakref import WeakKeyDictionary

from optiq.errors import AnswerLost, ConfigurationError, ModelNotServed, ServerError, TransientServerError

Client = TypeVar("Client")


# Worth another try: time-out, conflict, too early, rate limit, and every 5xx but "not implemented".
_PASSING = {408, 409, 425, 429}
# A gateway gave up on a server that may have gone on.
_LOST = {408, 502, 504}


def split_url(url: str, meaning: str) -> SplitResult:
    """``url`` in its parts; :class:`ConfigurationError` if it is no http(s) address of a host."""
    remedy = f"Give {meaning} such as http://127.0.0.1:11434."
    try:
        parts = urlsplit(url)
        _ = parts.port  # read to be checked
    except ValueError as fault:
        raise ConfigurationError(f"{meaning} {url!r} is no address: {fault}", remedy) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{meaning} {shown(parts)!r} is no http or https address", remedy)
    return parts


def shown(parts: SplitResult) -> str:
    """The address without user and password: these never reach a screen, a log or an error."""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def is_loopback(host: str | None) -> bool:
    """Whether ``host`` is this machine, so that no proxy may stand between."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@cache
def tls_context(scheme: str) -> ssl.SSLContext:
    """One context for all clients: reading the certificates takes 90 ms each time.

    Without TLS none are read; should TLS come up all the same, nobody is trusted.
    """
    import httpx

    return httpx.create_ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def number_from(variable: str, default: int) -> int:
    """A whole number from 1 up in an environment variable; ``default`` if it holds none."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdigit() and int(value) > 0 else default


class ClientPerLoop(Generic[Client]):
    """Async clients for each event loop: their connections die with the loop that opened them.

    A client makes one call at a time. httpx looks at every connection of a client before each call, so that
    32 calls at once on one client take half as much CPU again as on 32 clients with a connection each.
    """

    def __init__(self, make: Callable[[], Client], close: Callable[[Client], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._idle: WeakKeyDictionary[asyncio.AbstractEventLoop, list[Client]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[Client]:
        """A client of the running loop for one call; the one used last, as its connection is still open."""
        loop = asyncio.get_running_loop()
        with self._lock:
            idle = self._idle.setdefault(loop, [])
            client = idle.pop() if idle else None
        if client is None:
            client = self._make()
        try:
            yield client
        finally:
            idle.append(client)

    async def disconnect(self) -> None:
        """Close the clients of the running loop. None is lent at that time."""
        with self._lock:
            clients = self._idle.pop(asyncio.get_running_loop(), [])
        for client in clients:
            await self._close(client)


def status_fault(
    server: str, model: str, status: int, message: str, headers: Mapping[str, str], missing_remedy: str
) -> ServerError:
    """The error that an HTTP status means. 404 is read as "no such model"."""
    said = f"{server} answered {status} for {model}: {message[:300] or 'no reason given'}"
    if status == 404:
        return ModelNotServed(f"{server} has no model {model!r}", missing_remedy)
    if status in _PASSING or (status >= 500 and status != 501):
        kind = AnswerLost if status in _LOST else TransientServerError
        return kind(said, retry_after_s=retry_after_s(headers))
    if status in (401, 403):
        # What the server says here may repeat the key.
        return ServerError(f"{server} answered {status}: the key is missing or refused", "Check the API key.")
    return ServerError(said, "The request cannot succeed as it is: check the model and the question.")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The Retry-After header, seconds or a date (RFC 9110, 10.2.3), as seconds from now; None if absent."""
    value = headers.get("retry-after") or headers.get("Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
