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
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from optiq.execution.flights import Flights, GivenUp
from optiq.execution.ledger import LimitReached
from optiq.selection.agent_loop import agent_loop, never
from optiq.selection.bill import Bill, Charge
from optiq.selection.carrying import carrying
from optiq.selection.faults import fault_of, fault_of_status
from optiq.selection.recording import CallRecord, Recorder, clock, current, role_and_model
from optiq.selection.store import Response, Store
from optiq.selection.wire import model_call, prompt_chars, request_key, usage_in

_MONEY_S = 0.02  # between looks at whether calls in flight have given back enough for this one
_GIVEN_UP_S = 0.05  # so that an agent that was given up, and asks again and again, keeps nobody from going on
_NOT_KEPT = {"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie", "date"}


class Transport:
    """What intercepted calls share: kept answers, those in flight (``store`` None: none), slots of calls, the bill.

    ``blocking``: an async agent was seen to call models so that the event loop waits.
    """

    def __init__(self, store: Store | None, slots: int, bill: Bill | None = None) -> None:
        self.store = store
        self.bill = bill or Bill()
        self.slots = Slots(slots)
        self.blocking = False
        self.flights: Flights[Response] = Flights()


class Slots:
    """So many calls at once, over threads and event loops, first come, first served."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    def take(self) -> Future[None]:
        """Done once the caller has a slot, to be given back."""
        place: Future[None] = Future()
        with self._lock:
            if self._free:
                self._free -= 1
                place.set_result(None)
            else:
                self._waiting.append(place)
        return place

    def give_back(self, place: Future[None]) -> None:
        """Of a caller that no longer needs its slot, or no longer waits for one."""
        if place.cancel():
            return
        with self._lock:
            while self._waiting:
                if (following := self._waiting.popleft()).set_running_or_notify_cancel():
                    following.set_result(None)
                    return
            self._free += 1


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
        with carrying():
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
        if recorder.called_off:
            time.sleep(_GIVEN_UP_S)
        transport.blocking = transport.blocking or agent_loop().is_here
        call = _Intercepted(recorder, transport, request, body)
        while (flight := call.take_off()) is not None:
            with suppress(GivenUp):
                return call.found(flight.result())
        try:
            if (kept := call.kept()) is not None:
                return call.found(kept)
            place = transport.slots.take()
            try:
                place.result()
                while not call.begin():
                    time.sleep(_MONEY_S)
                response = original(self, call.request, **options)
                response.read()
            except BaseException as fault:
                call.failed(fault)
                raise
            finally:
                transport.slots.give_back(place)
            call.answered(response)
            return response
        finally:
            call.land()

    return send


def _async(original: Any, transport: Transport) -> Any:
    async def send(self: Any, request: Any, **options: Any) -> Any:
        recorder = current.get()
        body = None if recorder is None else model_call(request.method, await request.aread())
        if recorder is None or body is None:
            return await original(self, request, **options)
        if recorder.called_off:
            await never()
        call = _Intercepted(recorder, transport, request, body)
        while (flight := call.take_off()) is not None:
            with suppress(GivenUp):
                return call.found(await asyncio.wrap_future(flight))
        try:
            if (kept := call.kept()) is not None:
                return call.found(kept)
            place = transport.slots.take()
            try:
                if not place.done():
                    await asyncio.wrap_future(place)
                while not call.begin():
                    await asyncio.sleep(_MONEY_S)
                response = await original(self, call.request, **options)
                await response.aread()
            except BaseException as fault:
                call.failed(fault)
                raise
            finally:
                transport.slots.give_back(place)
            call.answered(response)
            return response
        finally:
            call.land()

    return send


class _Intercepted:
    """One call on its way."""

    def __init__(self, recorder: Recorder, transport: Transport, request: Any, body: dict[str, Any]) -> None:
        recorder.check()
        self._recorder, self._transport = recorder, transport
        self.role, self.model = role_and_model(body["model"], recorder.assignment)
        self.request = request
        self._chars = prompt_chars(body)
        self._body, self._charge = body, Charge(body)
        if body["model"] != self.model:
            body["model"] = self.model
            self.request = _with_body(request, body)
        self._key = "" if transport.store is None else request_key(str(request.url), body, recorder.trial)
        self._response: Response | None = None
        self._asked_at = self._started = recorder.waiting[id(self)] = clock()

    def take_off(self) -> Future[Response] | None:
        """The same call in flight, to be waited for; None if this one is to be made, and to :meth:`land`."""
        if self._transport.store is None:
            return None
        flight, mine = self._transport.flights.join(self._key)
        return None if mine else flight

    def land(self) -> None:
        """The call is over: those that wait get its answer, or make it themselves if there is none to keep."""
        if self._transport.store is not None:
            self._transport.flights.land(self._key, self._response)

    def kept(self) -> Response | None:
        """The answer that was kept earlier."""
        store = self._transport.store
        self._response = None if store is None else store.response(self._key)
        return self._response

    def found(self, kept: Response) -> Any:
        """A kept answer as a response of the client's own library, recorded with the latency that it had."""
        self._waited()
        library = __import__(type(self.request).__module__.split(".")[0])
        response = library.Response(
            kept.status, headers=kept.headers, content=kept.body, request=self.request
        )
        self._record(kept.body, kept.latency_s, cached=True)
        return response

    def begin(self) -> bool:
        """A slot is free: now the call's own time begins. False if it must wait for money that calls in flight hold."""
        self._recorder.check()
        size = len(json.dumps(self._body, ensure_ascii=False).encode())
        try:
            charge = self._transport.bill.try_to_begin(self.request.url.path, self.model, self._body, size)
        except LimitReached as fault:
            self._recorder.over_limit = str(fault)
            raise
        self._recorder.short_of_money = charge is None
        if charge is None:
            return False
        self._charge = charge
        self._recorder.in_flight.append(charge)
        if charge.cap is not None:
            self.request = _with_body(self.request, charge.body)
        self._waited()
        return True

    def _waited(self) -> None:
        """From here on the call's time is its own."""
        self._started = clock()
        self._recorder.waiting.pop(id(self), None)
        self._recorder.waited(self._started - self._asked_at)

    def answered(self, response: Any) -> None:
        """Record, and keep if it is an answer: an error may pass, and is asked again next time."""
        latency = clock() - self._started
        content, bill = response.content, self._transport.bill
        prompt, output, _ = usage_in(content) if response.status_code < 400 else (None, None, None)
        bill.answered(self._charge, self.model, response.status_code, prompt, output)
        if response.status_code >= 400:
            text = content[:200].decode("utf-8", "replace")
            error = f"HTTP {response.status_code}: {text}"
            self._record(b"", latency, error=error, fault=fault_of_status(response.status_code))
            return
        self._record(content, latency)
        if bill.was_cut(self._charge, output):
            self._recorder.over_limit = f"what is left of the limit has cut an answer after {output} tokens"
        elif self._transport.store is not None:
            headers = {n.lower(): v for n, v in response.headers.items() if n.lower() not in _NOT_KEPT}
            self._response = Response(response.status_code, headers, content, latency)
            self._transport.store.keep_response(self._key, self._response)

    def failed(self, fault: BaseException) -> None:
        """Record a call without an answer."""
        self._transport.bill.failed(self._charge, fault)
        self._recorder.waiting.pop(id(self), None)
        error = f"{type(fault).__name__}: {fault}"
        self._record(b"", clock() - self._started, error=error, fault=fault_of(fault))

    def _record(
        self,
        content: bytes,
        latency_s: float,
        cached: bool = False,
        error: str | None = None,
        fault: str | None = None,
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
                fault,
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
