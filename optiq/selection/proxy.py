"""A proxy on a loopback port for model calls that cannot be seen in this process: of other processes, of other clients.

An SDK is pointed at ``http://127.0.0.1:PORT/r/ROLE/RUN/https/api.openai.com/v1`` in place of
``https://api.openai.com/v1``; :func:`through_proxy` gives such an address inside a run. What comes is sent on from here
in the name of the run, by a client whose calls are seen (:mod:`optiq.selection.interception`). ``RUN`` is a secret of
the run: nobody else is served, and nothing once the run is over.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import json
import os
import secrets
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from optiq.errors import InputError, OptiqError
from optiq.selection.recording import Recorder, current
from optiq.selection.roles import role, said_role
from optiq.servers.addresses import past_proxies

_HOP_BY_HOP = {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
_NOBODY = "-"
_NO_RUN = "no run is in progress at this address"
_MOST_BYTES = 256 * 2**20

BASE_URLS = {
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "OPENAI_API_BASE": "https://api.openai.com/v1",
    "ANTHROPIC_BASE_URL": "https://api.anthropic.com",
    "GOOGLE_GEMINI_BASE_URL": "https://generativelanguage.googleapis.com",
    "OLLAMA_HOST": "http://127.0.0.1:11434",
    "AZURE_OPENAI_ENDPOINT": "",
}
"""Where SDKs take their address from, and what it is if nothing is said; empty: none."""


class Proxy:
    """Serves until it is closed. ``runs`` are those that are in progress, by their secret.

    With a ``port`` it is what another process knows of the proxy there.
    """

    def __init__(self, port: int | None = None) -> None:
        self.runs: dict[str, Recorder] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = port

    def enter(self, recorder: Recorder) -> None:
        """From here on the calls of a run are sent on."""
        recorder.token = secrets.token_urlsafe(12)
        recorder.proxy = self
        self.runs[recorder.token] = recorder

    def leave(self, recorder: Recorder) -> None:
        """The run is over."""
        self.runs.pop(recorder.token, None)

    def address(self, recorder: Recorder, url: str, name: str | None) -> str:
        """Where ``url`` is reached through the proxy, for a run and one of its roles."""
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        segments = f"{quote(name or _NOBODY, safe='')}/{recorder.token}/{parts.scheme}/{parts.netloc}"
        return f"http://127.0.0.1:{self.port}/r/{segments}{parts.path}{query}"

    @property
    def port(self) -> int:
        """Its port; it listens from the first time that somebody asks."""
        if self._port is None:
            with self._lock:
                if self._server is None:
                    self._server = _Server(("127.0.0.1", 0), _Handler)
                    self._server.proxy = self  # type: ignore[attr-defined]
                    serving = threading.Thread(
                        target=self._server.serve_forever, daemon=True, name="optiq-proxy"
                    )
                    contextvars.Context().run(serving.start)
                self._port = int(self._server.server_address[1])
        return self._port

    def is_at(self, url: str) -> bool:
        """Whether ``url`` is an address of the proxy."""
        return self._port is not None and url.startswith(f"http://127.0.0.1:{self._port}/")

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            if self._server is not None:
                self._server.shutdown()
                self._server.server_close()
                self._server = self._port = None


def through_proxy(url: str, name: str | None = None) -> str:
    """The address that stands for ``url`` in the run at hand, for clients that are not seen otherwise.

    Parameters
    ----------
    url
        The base URL that the client would be given.
    name
        The role that it is used for; its model is put in the place of what is asked for.

    Raises
    ------
    InputError
        outside of a run.
    """
    recorder = current.get()
    if recorder is None or recorder.proxy is None:
        raise InputError(
            "there is no run here whose calls a proxy could send on", "Call this in run(example)."
        )
    return str(recorder.proxy.address(recorder, url, name or said_role()))


def environment_through_proxy(given: Mapping[str, str], name: str | None = None) -> dict[str, str]:
    """The variables of another process that the run at hand starts, for a role: the SDKs in it find the proxy."""
    found = dict(given)
    for variable, usual in BASE_URLS.items():
        if url := given.get(variable, usual):
            found[variable] = through_proxy(url if "://" in url else f"http://{url}", name)
    return past_proxies(found)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _send_on(self) -> None:
        try:
            length = self._length()
            if isinstance(length, int):
                status, headers, content = self._answer(self.rfile.read(length))
            else:  # what else is sent is not read: it is nobody's, or too much
                self.close_connection = True
                status, headers, content = length[0], {}, _told(length[1])
        except OptiqError as fault:
            status, headers, content = 403, {}, _told(str(fault))
        except Exception as fault:  # whatever the client library says of a server that does not answer
            status, headers, content = 502, {}, _told(f"{type(fault).__name__}: {fault}")
        with contextlib.suppress(OSError):  # who asked may have gone
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _send_on

    def _length(self) -> int | tuple[int, str]:
        """How long the body is; status and reason where it is not to be read. Any user can connect to the port."""
        if self._recorder() is None:
            return 410, _NO_RUN
        told = self.headers.get("content-length") or "0"
        if not (told.isascii() and told.isdigit()):
            return 400, "a length of the request is needed that is a number"
        if len(told) > 12 or int(told) > _MOST_BYTES:
            return 413, f"the request is longer than {_MOST_BYTES >> 20} MB"
        return int(told)

    def _recorder(self) -> Recorder | None:
        """The run that the address is of, as long as it is in progress."""
        parts = self.path.split("/", 6)
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        return proxy.runs.get(parts[3]) if len(parts) >= 6 and parts[1] == "r" else None

    def _answer(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts, recorder = self.path.split("/", 6), self._recorder()
        if recorder is None:
            return 410, {}, _told(_NO_RUN)
        name = unquote(parts[2])
        url = f"{parts[4]}://{parts[5]}/{parts[6] if len(parts) > 6 else ''}"
        kept = {
            n: v
            for n, v in self.headers.items()
            if n.lower() not in {*_HOP_BY_HOP, "host", "accept-encoding"}
        }
        context = contextvars.Context()
        context.run(current.set, recorder)
        return context.run(_sent, self.command, url, kept, body, None if name == _NOBODY else name)

    def log_message(self, *arguments: object) -> None:
        """Whose calls these are is told by their runs."""


def _sent(
    method: str, url: str, headers: Mapping[str, str], body: bytes, name: str | None
) -> tuple[int, dict[str, str], bytes]:
    import httpx

    with contextlib.nullcontext() if name is None else role(name):
        answer = _client().send(httpx.Request(method, url, headers=dict(headers), content=body))
        content = answer.read()
    return (
        answer.status_code,
        {n: v for n, v in answer.headers.items() if n.lower() not in _HOP_BY_HOP},
        content,
    )


@functools.cache
def _client() -> Any:
    import httpx

    authorities = next(
        (os.environ[n] for n in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE") if n in os.environ), None
    )
    context = ssl.create_default_context(cafile=authorities) if authorities else True
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    return httpx.Client(verify=context, timeout=None, limits=limits)


def _told(text: str) -> bytes:
    return json.dumps({"error": {"message": text, "type": "optiq"}}).encode()
