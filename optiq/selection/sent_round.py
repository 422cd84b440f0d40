"""Clients whose model calls take the way round by the proxy (:mod:`optiq.selection.proxy`), with all else as it was.

urllib3 (requests, boto3) and what niquests has in its place, aiohttp, the standard library's ``http.client`` and
``urllib.request``, and lm15 (DSPy).
"""

from __future__ import annotations

import dataclasses
import http.client
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any
from urllib.parse import urlsplit

from optiq.selection.patching import Patch, library, patched, patched_once_imported
from optiq.selection.watching import seen

Round = Callable[[str, str, Mapping[str, str], Any], str | None]
"""The address at the proxy of a request (method, URL, headers, content); None for one that goes where it went."""


@contextmanager
def clients_sent_round(by: Round) -> Iterator[None]:
    """While the block runs those clients that are installed ask by the proxy."""
    patches: list[Patch] = [(http.client.HTTPConnection, "_send_request", partial(_http_client, by=by))]
    for name in ("urllib3", "urllib3_future"):
        if (module := library(name)) is not None:
            patches.append((module.HTTPConnectionPool, "urlopen", partial(_urllib3, by=by)))
            if hasattr(module, "AsyncHTTPConnectionPool"):
                patches.append((module.AsyncHTTPConnectionPool, "urlopen", partial(_urllib3_async, by=by)))
    if (module := library("aiohttp")) is not None:
        patches.append((module.ClientSession, "_request", partial(_aiohttp, by=by)))
    with patched(patches), patched_once_imported(dict.fromkeys(_LM15, partial(_lm15, by=by))):
        yield


def _urllib3(original: Any, by: Round) -> Any:
    """Of a pool of connections."""

    @wraps(original)
    def urlopen(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> Any:
        pool, path = _pool_round(self, method, url, body, headers, by)
        with seen():
            return original(pool, method, path, body, headers, **options)

    return urlopen


def _urllib3_async(original: Any, by: Round) -> Any:
    @wraps(original)
    async def urlopen(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> Any:
        pool, path = _pool_round(self, method, url, body, headers, by)
        with seen():
            return await original(pool, method, path, body, headers, **options)

    return urlopen


def _pool_round(pool: Any, method: str, url: str, body: Any, headers: Any, by: Round) -> tuple[Any, str]:
    """The pool that a request is sent by, and its path there."""
    port = "" if pool.port is None else f":{pool.port}"
    whole = f"{pool.scheme}://{pool.host}{port}{url if url.startswith('/') else urlsplit(url).path}"
    if (address := by(method, whole, _lower(headers or pool.headers), body)) is None:
        return pool, url
    proxied = urlsplit(address)
    plain = next(kind for kind in type(pool).__mro__ if "urlopen" in vars(kind))  # not that with TLS
    return plain("127.0.0.1", proxied.port), _path(address)


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _aiohttp(original: Any, by: Round) -> Any:
    """Of a session of aiohttp."""

    @wraps(original)
    async def request(self: Any, method: str, where: Any, **options: Any) -> Any:
        content: Any = options.get("data")
        if options.get("json") is not None:
            content = self.json_serialize(options["json"])
        if isinstance(content, str):
            content = content.encode()
        headers = {**_lower(self.headers), **_lower(options.get("headers"))}
        if (address := by(method, str(self._build_url(where)), headers, content)) is not None:
            where = address
            dropped = ("json", "ssl", "proxy", "server_hostname")
            options = {name: value for name, value in options.items() if name not in dropped}
            options |= {
                "data": bytes(content or b""),
                "headers": {"content-type": "application/json", **headers},
            }
        with seen():
            return await original(self, method, where, **options)

    return request


def _http_client(original: Any, by: Round) -> Any:
    """Of a connection of the standard library, which is to one server: for a model call it is made to the proxy."""

    @wraps(original)
    def send(self: Any, method: str, url: str, body: Any, headers: Any, *options: Any) -> None:
        scheme = "https" if isinstance(self, http.client.HTTPSConnection) else "http"
        server = (
            f"{self._tunnel_host}:{self._tunnel_port}" if self._tunnel_host else f"{self.host}:{self.port}"
        )
        whole = url if "://" in url else f"{scheme}://{server}{url}"
        address = by(method, whole, _lower(headers), body)
        if address is not None or getattr(self, "sent_round", False):
            self.close()
        self.sent_round = address is not None
        with seen():
            if address is not None:
                self.sock = socket.create_connection(("127.0.0.1", urlsplit(address).port), self.timeout)
                url = _path(address)
            original(self, method, url, body, headers, *options)

    return send


_LM15 = tuple(
    f"{package}.transports.{module}"
    for package in ("lm15", "dspy._vendor.lm15")
    for module in ("_sync", "_async")
)


def _lm15(module: Any, by: Round) -> Sequence[Patch]:
    """Of the transports that DSPy has of its own."""

    def changed(request: Any) -> Any:
        headers = {name.lower(): value for name, value in request.headers}
        address = by(request.method, request.url, headers, request.body)
        return request if address is None else dataclasses.replace(request, url=address)

    def sync(original: Any) -> Any:
        @wraps(original)
        def stream(self: Any, request: Any) -> Any:
            request = changed(request)
            with seen():
                return original(self, request)

        return stream

    def asynchronous(original: Any) -> Any:
        @wraps(original)
        async def stream(self: Any, request: Any) -> Any:
            request = changed(request)
            with seen():
                return await original(self, request)

        return stream

    if (transport := getattr(module, "StdlibTransport", None)) is not None:
        return [(transport, "stream", sync)]
    return [(module.StdlibAsyncTransport, "_do_stream", asynchronous)]


def _lower(headers: Any) -> dict[str, str]:
    return {} if not headers else {str(name).lower(): str(value) for name, value in dict(headers).items()}
