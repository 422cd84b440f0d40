"""Model calls seen at the transport: ``send`` of httpx's clients, and of httpx2's, which OpenAI's SDK uses.

Inside :func:`intercepting` a call that belongs to a run (:data:`optiq.selection.recording.current`) gets the
combination's model, comes from the store if it was made before, else waits for one of the global slots, and is
recorded. Calls of anybody else, and requests that ask no model, pass untouched.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from optiq.selection.recording import CallRecord, Recorder, clock, current, role_and_model
from optiq.selection.store import Response, Store
from optiq.selection.wire import model_call, prompt_chars, request_key, usage_in

_POLL_S = 0.002
_WAIT_S = 0.5
_NOT_KEPT = {"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie", "date"}


class Transport:
    """What intercepted calls share: kept answers (``store`` None: none) and the slots of calls in flight."""

    def __init__(self, store: Store | None, slots: int) -> None:
        self.store = store
        self.slots = threading.BoundedSemaphore(slots)
        self._flying: set[str] = set()
        self._landed = threading.Condition()

    def take_off(self, key: str, wait_s: float = 0.0) -> bool:
        """Whether the caller may make the call: nobody else is making the same one (waits ``wait_s`` for that).

        After a wait the answer may be in the store. Without a store nothing is shared.
        """
        if self.store is None:
            return True
        with self._landed:
            if key in self._flying and not (wait_s and self._landed.wait(wait_s) and key not in self._flying):
                return False
            self._flying.add(key)
            return True

    def land(self, key: str) -> None:
        """The call is over, answered or not."""
        with self._landed:
            self._flying.discard(key)
            self._landed.notify_all()


@contextmanager
def intercepting(transport: Transport) -> Iterator[None]:
    """While the block runs, calls of runs are seen. One at a time per process: runs tell themselves apart."""
    patched: list[tuple[Any, Any]] = []
    for library in ("httpx", "httpx2"):
        if importlib.util.find_spec(library) is None:
            continue
        module = __import__(library)
        for client, wrapped in ((module.Client, _sync), (module.AsyncClient, _async)):
            patched.append((client, client.send))
            client.send = wrapped(client.send, transport)
    try:
        yield
    finally:
        for client, original in patched:
            client.send = original


def _sync(original: Any, transport: Transport) -> Any:
    def send(self: Any, request: Any, **options: Any) -> Any:
        recorder = current.get()
        body = None if recorder is None else model_call(request.method, request.read())
        if recorder is None or body is None:
            return original(self, request, **options)
        call = _Intercepted(recorder, transport, request, body)
        started = clock()
        while True:
            if (kept := call.from_store(started)) is not None:
                return kept
            if transport.take_off(call.key, _WAIT_S):
                break
        try:
            if (kept := call.from_store(started)) is not None:  # made while this one waited
                return kept
            with transport.slots:
                call.begin(clock() - started)
                try:
                    response = original(self, call.request, **options)
                    response.read()
                except BaseException as fault:
                    call.failed(fault)
                    raise
            call.answered(response)
            return response
        finally:
            transport.land(call.key)

    return send


def _async(original: Any, transport: Transport) -> Any:
    async def send(self: Any, request: Any, **options: Any) -> Any:
        recorder = current.get()
        body = None if recorder is None else model_call(request.method, await request.aread())
        if recorder is None or body is None:
            return await original(self, request, **options)
        call = _Intercepted(recorder, transport, request, body)
        started = clock()
        while True:  # other runs live in other threads' loops: no lock of this loop reaches them
            if (kept := call.from_store(started)) is not None:
                return kept
            if transport.take_off(call.key):
                break
            await asyncio.sleep(_POLL_S)
        try:
            if (kept := call.from_store(started)) is not None:
                return kept
            while not transport.slots.acquire(blocking=False):
                await asyncio.sleep(_POLL_S)
            try:
                call.begin(clock() - started)
                response = await original(self, call.request, **options)
                await response.aread()
            except BaseException as fault:
                call.failed(fault)
                raise
            finally:
                transport.slots.release()
            call.answered(response)
            return response
        finally:
            transport.land(call.key)

    return send


class _Intercepted:
    """One call on its way."""

    def __init__(self, recorder: Recorder, transport: Transport, request: Any, body: dict[str, Any]) -> None:
        recorder.check()
        self._recorder, self._store = recorder, transport.store
        self.role, self.model = role_and_model(body["model"], recorder.assignment)
        self.request = request
        self._chars = prompt_chars(body)
        if body["model"] != self.model:
            body["model"] = self.model
            self.request = _with_body(request, body)
        self.key = request_key(str(request.url), body, recorder.trial) if self._store is not None else ""
        self._started = clock()

    def from_store(self, asked_at: float) -> Any:
        """The kept answer as a response of the client's own library, recorded with the latency that it had."""
        kept = self._store.response(self.key) if self._store is not None else None
        if kept is None:
            return None
        self._started = clock()
        self._recorder.waited(self._started - asked_at)
        library = __import__(type(self.request).__module__.split(".")[0])
        response = library.Response(
            kept.status, headers=kept.headers, content=kept.body, request=self.request
        )
        self._record(kept.body, kept.latency_s, cached=True)
        return response

    def begin(self, waited_s: float) -> None:
        """A slot is free: now the call's own time begins."""
        self._recorder.waited(waited_s)
        self._recorder.check()
        self._started = clock()

    def answered(self, response: Any) -> None:
        """Record, and keep if it is an answer: an error may pass, and is asked again next time."""
        latency = clock() - self._started
        content = response.content
        if response.status_code >= 400:
            text = content[:200].decode("utf-8", "replace")
            self._record(b"", latency, error=f"HTTP {response.status_code}: {text}")
            return
        self._record(content, latency)
        if self._store is not None:
            headers = {n.lower(): v for n, v in response.headers.items() if n.lower() not in _NOT_KEPT}
            self._store.keep_response(self.key, Response(response.status_code, headers, content, latency))

    def failed(self, fault: BaseException) -> None:
        """Record a call without an answer."""
        self._record(b"", clock() - self._started, error=f"{type(fault).__name__}: {fault}")

    def _record(
        self, content: bytes, latency_s: float, cached: bool = False, error: str | None = None
    ) -> None:
        prompt, output, text = usage_in(content) if content else (None, None, None)
        self._recorder.add(
            CallRecord(
                self.role,
                self.model,
                self._started,
                clock(),
                latency_s,
                prompt,
                output,
                None,
                cached,
                text,
                error,
                self._chars,
            )
        )


def _with_body(request: Any, body: dict[str, Any]) -> Any:
    """The same request with another body."""
    headers = [(name, value) for name, value in request.headers.items() if name.lower() != "content-length"]
    return type(request)(
        request.method,
        request.url,
        headers=headers,
        content=json.dumps(body).encode(),
        extensions=request.extensions,
    )
