"""Model calls of runs seen at the transport: looked into at httpx and httpx2, which most SDKs speak.

Inside :func:`intercepting` a call that belongs to a run (:data:`optiq.selection.recording.current`) gets the
combination's model, comes from the store if it was made before, else waits for one of the global slots, and is
recorded. Calls of anybody else, and requests that ask no model, pass untouched.

Other clients (:mod:`optiq.selection.sent_round`), and all in a process that was forked off, are sent round by the proxy
(:mod:`optiq.selection.proxy`), which sends on with httpx. A stream is read to its end before
the agent sees its beginning: what it used is told at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from optiq.errors import InputError
from optiq.execution.accounting import TEMPLATE_TOKENS
from optiq.execution.flights import Flights, GivenUp
from optiq.execution.ledger import LimitReached
from optiq.selection.agent_loop import agent_loop, never
from optiq.selection.bill import Bill, Charge
from optiq.selection.carrying import carrying
from optiq.selection.faults import PROVIDER, fault_of, fault_of_status, told
from optiq.selection.patching import Patch, library, patched
from optiq.selection.proxy import Proxy, environment_through_proxy
from optiq.selection.recording import CallRecord, Recorder, clock, current
from optiq.selection.roles import (
    RoleMemory,
    attributed,
    noting_clients,
    noting_written,
    only_role,
    same_model,
    wire_name,
)
from optiq.selection.sent_round import Round, clients_sent_round
from optiq.selection.store import Response, Store
from optiq.selection.watching import is_seen, seen, watch
from optiq.selection.wire import (
    Asked,
    answers_asked_for,
    asked_in,
    counting,
    failure_in,
    is_billed_untold,
    output_cap,
    prompt_chars,
    request_key,
    usage_in,
    without_counts,
    written_bytes,
)

_MONEY_S = 0.02  # between looks at whether calls in flight have given back enough for this one
_GIVEN_UP_S = 0.05  # so that an agent that was given up, and asks again and again, keeps nobody from going on
_NOT_KEPT = {"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie", "date"}


class Transport:
    """What intercepted calls share: kept answers, those in flight (``store`` None: none), slots of calls, the bill.

    ``candidates`` are the models of all combinations. ``blocking``: an async agent was seen to call models so that the
    event loop waits. ``uncounted`` are servers that refuse to count the tokens of a stream. ``process`` is the one in
    which calls are counted (default: this one); from others they are sent there. ``strays`` counts calls of threads
    whose run is over: they may do the work of any other run.
    """

    def __init__(
        self,
        store: Store | None,
        slots: int,
        bill: Bill | None = None,
        candidates: frozenset[str] = frozenset(),
        process: int | None = None,
    ) -> None:
        self.store, self.candidates = store, candidates
        self.bill = bill or Bill()
        self.slots = Slots(slots)
        self.blocking = False
        self.strays = 0
        self.uncounted: set[str] = set()
        self.flights: Flights[Response] = Flights()
        self.proxy = Proxy()
        self.process = os.getpid() if process is None else process
        self.memory = RoleMemory()

    @contextmanager
    def entered(self, recorder: Recorder) -> Iterator[None]:
        """A run is in progress inside."""
        recorder.memory = RoleMemory(clients=self.memory.clients)
        self.proxy.enter(recorder)
        try:
            yield
        finally:
            recorder.over = True
            self.proxy.leave(recorder)


class Slots:
    """So many calls at once, over threads and event loops, first come, first served."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    def take(self) -> Future[None]:
        """Done once the caller has a slot, to be given back."""
        with self._lock:
            if self._free:
                self._free -= 1
                return _AT_ONCE
            place: Future[None] = Future()
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


_AT_ONCE: Future[None] = Future()
"""The place of all who need not wait; to make one for each takes longer than all else about slots."""
_AT_ONCE.set_result(None)


def _memory_here() -> RoleMemory | None:
    recorder = current.get()
    return None if recorder is None else recorder.memory


@contextmanager
def intercepting(transport: Transport) -> Iterator[None]:
    """While the block runs, calls of runs are seen. One at a time per process: runs tell themselves apart."""
    patches: list[Patch] = []
    for name in ("httpx", "httpx2"):
        if (module := library(name)) is not None:
            patches += [
                (module.Client, "send", lambda original: _sync(original, transport)),
                (module.AsyncClient, "send", lambda original: _async(original, transport)),
            ]
    if (module := library("pydantic")) is not None:
        patches.append((module.BaseModel, "__init__", noting_clients(_memory_here)))
    patches += [
        (json.JSONEncoder, "encode", noting_written(_memory_here)),
        (subprocess.Popen, "__init__", _other_process),
    ]
    watch()
    try:
        with patched(patches), clients_sent_round(_round(transport)), carrying():
            yield
    finally:
        transport.proxy.close()


def _round(transport: Transport) -> Round:
    """How requests of other clients than httpx reach the proxy."""

    def address(method: str, url: str, headers: Mapping[str, str], content: Any) -> str | None:
        recorder = None if is_seen() else current.get()
        if recorder is None:
            return None
        body = content.encode() if isinstance(content, str) else content
        body = bytes(body) if isinstance(body, bytes | bytearray) else b""
        asked = _asked(recorder, method.upper(), url, headers, body)
        if asked is None:
            return None
        return str(recorder.proxy.address(recorder, url, _role_of(recorder, asked, body, transport)))

    return address


def _sync(original: Any, transport: Transport) -> Any:
    @wraps(original)
    def send(self: Any, request: Any, **options: Any) -> Any:
        recorder = None if is_seen() else current.get()
        asked = None if recorder is None else _asked_with_httpx(request, recorder)
        if recorder is None or asked is None:
            with seen():
                return original(self, request, **options)
        if os.getpid() != transport.process:
            return original(self, _sent_round(request, recorder, asked, transport), **options)
        if recorder.called_off:
            time.sleep(_GIVEN_UP_S)
        transport.blocking = transport.blocking or agent_loop().is_here
        call = _Intercepted(recorder, transport, request, asked)
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
                with seen():
                    response = original(self, call.request, **options)
                    response.read()
                    if call.is_refused_for_counting(response):
                        response = original(self, call.request, **options)
                        response.read()
            except BaseException as fault:
                call.failed(fault)
                raise
            finally:
                transport.slots.give_back(place)
            return call.answered(response)
        finally:
            call.land()

    return send


def _async(original: Any, transport: Transport) -> Any:
    @wraps(original)
    async def send(self: Any, request: Any, **options: Any) -> Any:
        recorder = None if is_seen() else current.get()
        asked = None if recorder is None else _asked_with_httpx(request, recorder)
        if recorder is None or asked is None:
            with seen():
                return await original(self, request, **options)
        if os.getpid() != transport.process:
            return await original(self, _sent_round(request, recorder, asked, transport), **options)
        if recorder.called_off:
            await never()
        call = _Intercepted(recorder, transport, request, asked)
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
                with seen():
                    response = await original(self, call.request, **options)
                    await response.aread()
                    if call.is_refused_for_counting(response):
                        response = await original(self, call.request, **options)
                        await response.aread()
            except BaseException as fault:
                call.failed(fault)
                raise
            finally:
                transport.slots.give_back(place)
            return call.answered(response)
        finally:
            call.land()

    return send


def _asked_with_httpx(request: Any, recorder: Recorder) -> Asked | None:
    content = b""
    if request.method == "POST" and "json" in request.headers.get("content-type", "json"):
        with suppress(Exception):  # RequestNotRead: what is uploaded piece by piece asks no model
            content = request.content
    return _asked(recorder, request.method, str(request.url), request.headers, content)


def _asked(
    recorder: Recorder, method: str, url: str, headers: Mapping[str, str], content: bytes
) -> Asked | None:
    """What a request asks a model for, if it is not one to the proxy, which asks itself. Others are noted."""
    if method != "POST" or (recorder.proxy is not None and recorder.proxy.is_at(url)):
        return None
    asked = asked_in(method, url, headers, content)
    if asked is None:
        noted = recorder.unseen if is_billed_untold(method, url) else recorder.posted
        noted.add(urlsplit(url).netloc)
    elif asked.body.get("background") is True:  # written after it was answered
        recorder.unseen.add(urlsplit(url).netloc)
    return asked


def _sent_round(request: Any, recorder: Recorder, asked: Asked, transport: Transport) -> Any:
    """The request, from a process that was forked off to the one that counts."""
    name = _role_of(recorder, asked, request.content, transport)
    url = recorder.proxy.address(recorder, str(request.url), name)
    headers = [(n, v) for n, v in request.headers.items() if n.lower() != "host"]
    return type(request)("POST", url, headers=headers, content=request.content, extensions=request.extensions)


def _role_of(recorder: Recorder, asked: Asked, content: bytes, transport: Transport) -> str | None:
    return attributed(asked.model, content, recorder.assignment, recorder.memory, transport.candidates)


def _other_process(original: Any) -> Any:
    """A process that a run starts finds the proxy where SDKs look for their server."""

    @wraps(original)
    def start(self: Any, *arguments: Any, **options: Any) -> None:
        if current.get() is not None and len(arguments) < 11:  # env is the eleventh
            given = options.get("env")
            command = arguments[0] if arguments else options.get("args", ())
            options["env"] = environment_through_proxy(
                os.environ if given is None else given, only_role(command)
            )
        original(self, *arguments, **options)

    return start


class _Intercepted:
    """One call on its way."""

    def __init__(self, recorder: Recorder, transport: Transport, request: Any, asked: Asked) -> None:
        recorder.check()
        self._recorder, self._transport = recorder, transport
        self.request = request
        self._stray = recorder.over
        transport.strays += self._stray
        self.role = None if self._stray else _role_of(recorder, asked, request.content, transport)
        self.model, self._asked = self._settled(asked)
        self._embeds, self._path = asked.embeds, asked.path
        self._counting = (
            not asked.signed
            and asked.streams_uncounted
            and urlsplit(asked.url).netloc not in transport.uncounted
        )
        if self._counting:
            self._asked = self._asked.with_body(counting(self._asked.body))
        if self._asked is not asked:
            self.request = _changed(request, self._asked)
        self._size = len(self.request.content)
        self._charge = Charge(self._asked.body)
        self._key = (
            "" if transport.store is None else request_key(self._asked.url, self._asked.body, recorder.trial)
        )
        self._response: Response | None = None
        self._asked_at = self._started = recorder.waiting[id(self)] = clock()

    def _settled(self, asked: Asked) -> tuple[str, Asked]:
        """The model that answers, by the name that it has among candidates, and the request that asks it."""
        recorder, candidates = self._recorder, self._transport.candidates
        assigned = recorder.assignment.get(self.role or "")
        known = None
        if assigned is None or asked.embeds:
            known = next((name for name in candidates if same_model(asked.model, name)), None)
        if assigned is None or (asked.embeds and known is None and asked.model not in recorder.assignment):
            models = recorder.assignment.values()
            mine = next((name for name in models if same_model(asked.model, name)), None)
            if mine is None and known is not None:
                recorder.strangers.add(known)
            return mine or known or asked.model, asked
        name = wire_name(asked.model, assigned, candidates)
        if name == asked.model:
            return assigned, asked
        if asked.signed:
            raise InputError(
                f"a signed request asks for {asked.model}, and {assigned} cannot be put in its place",
                "Ask for the model that the role is given.",
            )
        return assigned, asked.of(name)

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
        self._record(kept.body, kept.latency_s, cached=True)
        return self._shown(kept.status, kept.headers, kept.body, kept.latency_s)

    def begin(self) -> bool:
        """A slot is free: now the call's own time begins. False if it must wait for money that calls in flight hold."""
        self._recorder.check()
        try:
            charge = self._transport.bill.try_to_begin(self._asked, self.model, self._size)
        except LimitReached as fault:
            self._recorder.over_limit = str(fault)
            raise
        self._recorder.short_of_money = charge is None
        if charge is None:
            return False
        self._charge = charge
        self._recorder.in_flight[id(self)] = charge
        if charge.cap is not None:
            self._asked = self._asked.with_body(charge.body)
            self.request = _changed(self.request, self._asked)
        self._waited()
        return True

    def _waited(self) -> None:
        """From here on the call's time is its own."""
        self._started = clock()
        self._recorder.waiting.pop(id(self), None)
        self._recorder.waited(self._started - self._asked_at)

    def is_refused_for_counting(self, response: Any) -> bool:
        """Whether a server does not know that streams can be counted; then the request no longer asks for it."""
        if (
            not self._counting
            or response.status_code not in (400, 422)
            or b"stream_options" not in response.content
        ):
            return False
        self._transport.uncounted.add(urlsplit(self._asked.url).netloc)
        self._counting = False
        plain = {name: value for name, value in self._asked.body.items() if name != "stream_options"}
        self._asked = self._asked.with_body(plain)
        self.request = _changed(self.request, self._asked)
        return True

    def answered(self, response: Any) -> Any:
        """Record, keep if it is an answer (an error may pass, and is asked again next time), and show."""
        latency, status = clock() - self._started, response.status_code
        content, bill = response.content, self._transport.bill
        if status >= 400:
            bill.answered(self._charge, self.model, status, None, None)
            error = f"HTTP {status}: {content[:200].decode('utf-8', 'replace')}"
            self._record(b"", latency, error=error, fault=fault_of_status(status))
            return response
        if (failure := failure_in(content)) is not None:
            said, told_status = failure
            bill.answered(self._charge, self.model, 502, None, None)  # nobody says what of it is billed
            fault = PROVIDER if told_status is None else fault_of_status(told_status)
            self._record(b"", latency, error=f"HTTP {status}, but: {said[:200]}", fault=fault)
            return response
        prompt, output = self._record(content, latency)
        bill.answered(self._charge, self.model, status, prompt, output)
        if bill.was_cut(self._charge, output):
            self._recorder.over_limit = f"what is left of the limit has cut an answer after {output} tokens"
        elif self._transport.store is not None:
            headers = {n.lower(): v for n, v in response.headers.items() if n.lower() not in _NOT_KEPT}
            self._response = Response(status, headers, content, latency)
            self._transport.store.keep_response(self._key, self._response)
        return self._shown(status, response.headers, content, latency) if self._counting else response

    def _shown(self, status: int, headers: Mapping[str, str], content: bytes, latency_s: float) -> Any:
        """An answer as a response of the client's own library, without what the agent did not ask for."""
        library = __import__(type(self.request).__module__.split(".")[0])
        kept = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
        shown = without_counts(content) if self._counting else content
        made = library.Response(status, headers=kept, content=shown, request=self.request)
        made.elapsed = timedelta(seconds=latency_s)
        return made

    def failed(self, fault: BaseException) -> None:
        """Record a call without an answer."""
        self._transport.bill.failed(self._charge, fault)
        self._recorder.waiting.pop(id(self), None)
        error = f"{type(fault).__name__}: {told(fault)}"
        self._record(b"", clock() - self._started, error=error, fault=fault_of(fault))

    def _record(
        self,
        content: bytes,
        latency_s: float,
        cached: bool = False,
        error: str | None = None,
        fault: str | None = None,
    ) -> tuple[int | None, int | None]:
        """Take the call down; the counts of tokens that its answer tells."""
        prompt, output, text = usage_in(content) if content else (None, None, None)
        output = 0 if self._embeds and error is None else output
        most, longest = prompt, output
        if error is None and prompt is None:
            most = self._size + TEMPLATE_TOKENS
        if error is None and output is None:
            longest = written_bytes(content)
            if (cap := output_cap(self._path, self._asked.body)) is not None:
                longest = min(longest, cap * answers_asked_for(self._asked.body))
        self._recorder.in_flight.pop(id(self), None)
        if self._stray:
            return prompt, output
        self._recorder.add(
            CallRecord(
                self.role,
                self.model,
                self._started,
                clock(),
                latency_s,
                most,
                longest,
                None,
                cached,
                text,
                error,
                prompt_chars(self._asked.body),
                fault,
                (most, longest) == (prompt, output),
            )
        )
        return prompt, output


def _changed(request: Any, asked: Asked) -> Any:
    """A request of the same kind that asks this."""
    headers = [(name, value) for name, value in request.headers.items() if name.lower() != "content-length"]
    return type(request)(
        request.method,
        asked.url,
        headers=headers,
        content=json.dumps(asked.body).encode(),
        extensions=request.extensions,
    )
