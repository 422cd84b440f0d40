"""JSON over HTTP, as both dialects speak it: one session per event loop, faults told apart by what may be billed.

Spoken with aiohttp: a call through OpenAI's official client took twice the CPU of a whole question here (6.3 and 3.1 ms
on a busy machine). A body that is too large, never ends or is no JSON is a fault, not somebody's exception.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from optiq.errors import AnswerLate, AnswerLost, ServerError, TransientServerError
from optiq.files.compact_json import compact, read_compact
from optiq.servers.addresses import is_loopback, shown, split_url
from optiq.servers.told_limits import ToldLimits

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 16 * 2**20
"""No answer to a question is longer."""
_CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back: ``body`` is its JSON, and None where there is none; ``text`` is how it begins."""

    status: int
    headers: Mapping[str, str]
    body: Any
    text: str


class JsonHttp:
    """A server at ``url``, called ``name`` at its address in errors; ``start_it`` is the remedy if nobody answers."""

    def __init__(
        self, url: str, name: str, start_it: str, meaning: str, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = split_url(url, meaning)
        self.shown = shown(parts)
        self.local = is_loopback(parts.hostname)
        self._url = self.shown.rstrip("/")
        self._scheme = parts.scheme
        self.who, self._start_it = f"{name} at {self.shown}", start_it
        self._headers = dict(headers or {})
        if parts.username is not None and "Authorization" not in self._headers:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = (
            WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        self.told_limits = ToldLimits()

    async def post(self, path: str, body: Any, timeout_s: float, what: str) -> HttpAnswer:
        """The answer to ``body``; redirects are not followed, as they would take the key elsewhere.

        Raises
        ------
        AnswerLost
            if the call may have been made and its answer did not arrive whole.
        TransientServerError
            if nobody was reached: nothing was billed.
        ServerError
            if nobody can be reached that way.
        """
        async with self._asked(path, body, timeout_s, what) as reply:
            raw = bytearray()
            async for piece in reply.content.iter_any():
                raw += piece
                self._check_length(len(raw), what)
            return _answer(reply.status, reply.headers, bytes(raw))

    async def stream(
        self, path: str, body: Any, timeout_s: float, what: str, take: Callable[[bytes], None]
    ) -> HttpAnswer:
        """The answer to ``body``, line by line to ``take`` as it comes if its status is 200; without a body then.

        Faults are those of :meth:`post`; what ``take`` raises goes through.
        """
        async with self._asked(path, body, timeout_s, what) as reply:
            raw, length = bytearray(), 0
            async for piece in reply.content.iter_any():
                raw += piece
                length += len(piece)
                self._check_length(length, what)
                if reply.status == 200:
                    *lines, raw = raw.split(b"\n")
                    for line in lines:
                        take(bytes(line))
            if reply.status != 200:
                return _answer(reply.status, reply.headers, bytes(raw))
            if raw:
                take(bytes(raw))
            return HttpAnswer(reply.status, reply.headers, None, "")

    async def ask(
        self, path: str, body: Any, timeout_s: float, what: str, take: Callable[[bytes], None] | None
    ) -> HttpAnswer:
        """As :meth:`stream` where lines are taken, else as :meth:`post`."""
        if take is None:
            return await self.post(path, body, timeout_s, what)
        return await self.stream(path, body, timeout_s, what, take)

    def _check_length(self, length: int, what: str) -> None:
        if length > MOST_BYTES:
            raise AnswerLost(f"the answer of {self.who} from {what} is longer than {MOST_BYTES >> 20} MB")

    @asynccontextmanager
    async def _asked(
        self, path: str, body: Any, timeout_s: float, what: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The reply to ``body``, whose head is there; faults while it is read are told apart, too."""
        import aiohttp

        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session().post(
                    f"{self._url}{path}",
                    data=compact(body),
                    headers=self._headers,
                    allow_redirects=False,
                ) as reply,
            ):
                self.told_limits.heard(reply.headers, time.monotonic())
                yield reply
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as fault:
            raise self._untrusted(fault) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as fault:
            raise self.unreachable(fault) from None
        except TimeoutError:
            raise AnswerLate(f"{self.who} gave no answer from {what} within {timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, EOFError) as fault:
            raise AnswerLost(
                f"the connection to {self.who} broke ({_short(fault)}) before {what} had answered"
            ) from None
        except ValueError as fault:
            raise ServerError(
                f"{self.who} cannot be asked: {_short(fault)}", "Check its address and the proxy variables."
            ) from None

    def get(self, path: str, timeout_s: float) -> HttpAnswer:
        """What stands at ``path``, for callers without an event loop. Faults as of :meth:`post`."""
        import httpx

        try:
            with (
                httpx.Client(
                    timeout=timeout_s, trust_env=not self.local, verify=tls_context(self._scheme)
                ) as client,
                client.stream("GET", f"{self._url}{path}", headers=self._headers) as reply,
            ):
                raw = bytearray()
                for piece in reply.iter_bytes():
                    raw += piece
                    if len(raw) > MOST_BYTES:
                        raise ServerError(
                            f"{self.who} lists more than {MOST_BYTES >> 20} MB", "Check the address."
                        )
                return _answer(reply.status_code, reply.headers, bytes(raw))
        except httpx.ConnectError as fault:
            if "certificate" in str(fault).lower():
                raise self._untrusted(fault) from None
            raise self.unreachable(fault) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as fault:
            raise self.unreachable(fault) from None
        except (
            ImportError,
            ValueError,
        ) as fault:  # a SOCKS proxy in the environment, or one that is no address
            raise ServerError(
                f"{self.who} cannot be asked: {_short(fault)}", "Check its address and the proxy variables."
            ) from None

    def unreachable(self, fault: Exception) -> TransientServerError:
        """Nobody was reached."""
        return TransientServerError(f"{self.who} does not answer ({type(fault).__name__})", self._start_it)

    def _untrusted(self, fault: Exception) -> ServerError:
        return ServerError(
            f"the certificate of {self.who} is not trusted ({_short(fault)})",
            "Name the file of its authority in SSL_CERT_FILE.",
        )

    def _session(self) -> aiohttp.ClientSession:
        """The session of the running loop: its connections die with the loop that opened them."""
        import aiohttp

        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = aiohttp.ClientSession(
                # Limits on calls in flight are the executor's.
                connector=aiohttp.TCPConnector(limit=0, ssl=tls_context(self._scheme)),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not self.local,
            )
            with self._lock:
                self._sessions[loop] = session
        return session

    async def disconnect(self) -> None:
        """Close the connections of the running loop."""
        with self._lock:
            session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()


@cache
def tls_context(scheme: str) -> ssl.SSLContext:
    """One context for all clients: reading the certificates takes 90 ms each time.

    Without TLS none are read; should TLS come up all the same, nobody is trusted.
    """
    import httpx

    return httpx.create_ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _answer(status: int, headers: Mapping[str, str], raw: bytes) -> HttpAnswer:
    text = raw.decode("utf-8-sig", "replace")
    try:
        body = read_compact(text)
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, or a tower of brackets
        body = None
    return HttpAnswer(status, headers, body, text[:500])


def _short(fault: BaseException) -> str:
    return " ".join(f"{type(fault).__name__}: {fault}".split())[:200].rstrip(": ")
