"""The HTTP of the endpoint: who may ask, how much at once, and every answer in the dialect of its question.

Handlers are plain routes of the application, without models of bodies: what a client sends beyond what is read here
goes to a model as it is.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from optiq.endpoint.answering import Answered, Ready, answer
from optiq.endpoint.asked import OURS, Asked, no_limits, switch
from optiq.endpoint.conversation import Heard
from optiq.endpoint.dialect import Dialect
from optiq.endpoint.feedback import read_feedback
from optiq.endpoint.keys import Key, Keys
from optiq.endpoint.metrics import Metrics
from optiq.endpoint.ollama import Ollama
from optiq.endpoint.openai_chat import OpenAIChat
from optiq.endpoint.openai_responses import OpenAIResponses
from optiq.endpoint.openai_text import OpenAIText, raw_feature
from optiq.endpoint.passing import Passed, PassedStream, pass_on
from optiq.endpoint.refusals import Refusal, refusal_of, without_addresses
from optiq.endpoint.spans import record_spans
from optiq.endpoint.spending import Client, Spending
from optiq.errors import ConfigurationError, OptiqError, PerfDBError, UnknownName
from optiq.execution.trace import Execution
from optiq.files.compact_json import compact
from optiq.plans.plan import Plan
from optiq.servers.addresses import is_loopback
from optiq.servers.replies import storable

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.datastructures import Headers
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

DIALECTS: dict[str, Dialect] = {
    "/v1/chat/completions": OpenAIChat(),
    "/v1/completions": OpenAIText(),
    "/v1/responses": OpenAIResponses(),
    "/api/chat": Ollama(),
    "/api/generate": Ollama(generate=True),
}
_Pieces = asyncio.Queue[Mapping[str, Any] | None]
"""Chunks of an answer as they come; None when it is over."""
_MOST_PARTS = 50_000
"""Lists and objects of one request: 8 MB of empty ones take 170 MB of memory, as long as it is answered."""
_OPEN = ("/healthz", "/readyz", "/v1/embeddings")
"""What anybody may ask, and what asks for the key itself."""


class Desk(Protocol):
    """What requests are answered with, and where what came of them goes."""

    def names(self) -> list[str]:
        """Every name that may be asked for."""
        ...

    async def ready(self, name: str) -> Ready:
        """What requests of a name are planned with now; :class:`UnknownName` for a name that nobody knows."""
        ...

    def fault(self) -> str | None:
        """Why nothing can be answered now; None if it can."""
        ...

    def record(self, execution: Execution, asked: Asked) -> None:
        """An execution is over: it is on disk when this returns."""
        ...

    async def feedback(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A score that came later."""
        ...

    def trouble(self, fault: OptiqError) -> None:
        """What whoever runs the server should know."""
        ...

    def page(self) -> str:
        """What is seen at ``/``."""
        ...


@dataclass(frozen=True)
class Bounds:
    """How much is taken at once: requests in flight, bytes of one, seconds for one, and for it to be sent."""

    requests: int = 256
    body_bytes: int = 8 * 2**20
    request_s: float = 600.0
    body_s: float = 60.0


@dataclass
class Endpoint:
    """Everything that the handlers share.

    Without ``must_have_key`` nobody is asked for a key until there is one. From then on everybody is: whoever takes
    the last key back shuts its owner out, and does not let all others in.
    """

    desk: Desk
    keys: Keys
    spending: Spending
    metrics: Metrics
    bounds: Bounds
    must_have_key: bool = False
    with_page: bool = True

    def __post_init__(self) -> None:
        self.in_flight = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def admit(self, request: Request) -> Client:
        """Who asks. A :class:`Refusal` for who may not, or not now."""
        self.must_have_key = self.must_have_key or bool(self.keys.every())
        if not self.must_have_key:
            _check_local(request.headers)
            return self.spending.client(None)
        key = self.keys.of(_shown(request.headers))
        if key is None:
            raise Refusal(
                401,
                "the key is missing or wrong",
                "Send Authorization: Bearer KEY; `optiq serve keys add NAME` makes one.",
                kind="authentication_error",
                code="invalid_api_key",
            )
        return self._admit_key(key)

    def _admit_key(self, key: Key) -> Client:
        self.spending.admit(key)
        return self.spending.client(key)

    def take_up(self) -> None:
        """Count a request in flight; a :class:`Refusal` (503) if there are too many."""
        if self.in_flight >= self.bounds.requests:
            raise Refusal(
                503,
                f"{self.in_flight} requests are being answered",
                "Try again in a moment.",
                kind="server_error",
                code="overloaded",
                retry_after_s=1,
            )
        self.in_flight += 1
        self.metrics.in_flight.set(self.in_flight)

    def put_down(self) -> None:
        """A request is over."""
        self.in_flight -= 1
        self.metrics.in_flight.set(self.in_flight)

    async def body(self, request: Request) -> dict[str, Any]:
        """The JSON object that was sent; a :class:`Refusal` for anything else."""
        raw = await self._sent_by(request)
        try:
            found = json.loads(bytes(raw), parse_constant=_no_number)
            if b"\\ud" in raw.lower():  # half a character is none: no server and no file takes it
                found = json.loads(storable(json.dumps(found, ensure_ascii=False)))
        except (ValueError, RecursionError):
            raise Refusal(400, "the request is no JSON", "Send a JSON object.", code="invalid_json") from None
        if not isinstance(found, dict):
            raise Refusal(400, "the request is no JSON object", "Send a JSON object.", code="invalid_json")
        if raw.count(b"[") + raw.count(b"{") > _MOST_PARTS and _parts(found) > _MOST_PARTS:
            raise Refusal(
                413,
                f"the request has more than {_MOST_PARTS} lists and objects",
                "Send less.",
                code="too_large",
            )
        return found

    async def _sent_by(self, request: Request) -> bytearray:
        """The body, if all of it comes in time: until then it takes the place of another request."""
        from starlette.requests import ClientDisconnect

        raw, most = bytearray(), self.bounds.body_bytes
        try:
            async with asyncio.timeout(self.bounds.body_s):
                async for piece in request.stream():
                    raw += piece
                    if len(raw) > most:
                        said = f"the request is longer than {most} bytes"
                        raise Refusal(413, said, "Send less.", code="too_large")
        except TimeoutError:
            said = f"the request was not sent within {self.bounds.body_s:g} s"
            raise Refusal(408, said, "Send it at once.", code="request_timeout") from None
        except ClientDisconnect:
            raise Refusal(499, "the client is gone", code="client_gone") from None
        return raw

    async def respond(self, request: Request, dialect: Dialect) -> Response:
        """Answer one request in its dialect."""
        started, name = time.perf_counter(), "?"
        try:
            client = self.admit(request)
            self.take_up()
        except OptiqError as fault:
            return self._refuse(self.refusal(fault), dialect, name, started)
        streaming = False
        try:
            body = await self.body(request)
            if (
                isinstance(dialect, OpenAIText)
                and (raw := await self._raw(request, body, client, started)) is not None
            ):
                streaming = raw.headers["content-type"].startswith(PassedStream.media_type)
                return raw
            asked = dialect.read(body, request.headers)
            ready = await self.desk.ready(asked.model)
            name = ready.name
            if asked.stream:
                response = await self._stream(request, asked, ready, dialect, client, started)
                streaming = response is not None
                return response or self._nobody(name, started)
            answered = await self._whole(request, asked, ready, client, started)
            if answered is None:
                return self._nobody(name, started)
            self.metrics.answered(name, 200, time.perf_counter() - started)
            return _json(dialect.reply(answered), headers=_headers(answered.last.plan, answered.cost_usd))
        except OptiqError as fault:
            return self._refuse(self.refusal(fault), dialect, name, started)
        except TimeoutError:
            return self._refuse(self._late(), dialect, name, started)
        finally:
            if not streaming:
                self.put_down()

    def refusal(self, fault: OptiqError) -> Refusal:
        """What a client is told; of our own files only who runs the server."""
        if isinstance(fault, PerfDBError | ConfigurationError):
            self.desk.trouble(fault)
        return refusal_of(fault)

    def _nobody(self, name: str, started: float) -> Response:
        """Nobody is there any more to be answered."""
        self.metrics.answered(name, 499, time.perf_counter() - started)
        return _json({}, 499)

    def _late(self) -> Refusal:
        return Refusal(
            504,
            f"no answer within {self.bounds.request_s:g} s",
            "Set max_latency_s, or ask for less.",
            kind="server_error",
            code="timeout",
        )

    def _refuse(self, refusal: Refusal, dialect: Dialect, name: str, started: float) -> Response:
        self.metrics.refused(refusal.code or refusal.kind)
        self.metrics.answered(name, refusal.status, time.perf_counter() - started)
        return _json(dialect.refusal(refusal), refusal.status, refusal.headers)

    def _begin(
        self, asked: Asked, ready: Ready, heard: Heard, client: Client, on_plan: Callable[[Plan], None]
    ) -> asyncio.Task[Answered]:
        def record(execution: Execution, of: Asked) -> None:
            self.metrics.executed(execution, client.name)
            record_spans(execution, of)
            self.desk.record(execution, of)

        async def within_time() -> Answered:
            async with asyncio.timeout(self.bounds.request_s):
                return await answer(asked, ready, heard, client, record, on_plan)

        task = asyncio.ensure_future(within_time())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _whole(
        self, request: Request, asked: Asked, ready: Ready, client: Client, started: float
    ) -> Answered | None:
        """The answer; None if the client goes away before it is there: then its calls are stopped."""
        task = self._begin(
            asked, ready, Heard(), client, lambda plan: self.metrics.planned(time.perf_counter() - started)
        )
        gone = asyncio.ensure_future(_gone(request))
        try:
            await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            gone.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    async def _stream(
        self, request: Request, asked: Asked, ready: Ready, dialect: Dialect, client: Client, started: float
    ) -> Response | None:
        """A stream, once its first piece is there: until then a fault is an answer with its status.

        None if the client goes away before.
        """
        pieces: _Pieces = asyncio.Queue()
        plans: list[Plan] = []

        def on_plan(plan: Plan) -> None:
            plans.append(plan)
            self.metrics.planned(time.perf_counter() - started)

        task = self._begin(asked, ready, Heard(pieces.put_nowait), client, on_plan)
        there, first = await self._first(request, task, pieces, started)
        if not there:
            return None
        sent = self._sent(first, task, pieces, dialect.stream(asked), ready.name, started)
        headers = _headers(plans[-1] if plans else None, None)
        return _streaming(sent, dialect.media_type, headers)

    async def _first(
        self, request: Request, task: asyncio.Task[Any], pieces: _Pieces, started: float
    ) -> tuple[bool, Mapping[str, Any] | None]:
        """Whether the client is still there, and the first piece of an answer: None if there is none at all.

        Raises what went wrong before there was one.
        """
        task.add_done_callback(lambda _: pieces.put_nowait(None))
        gone, waiting = asyncio.ensure_future(_gone(request)), asyncio.ensure_future(pieces.get())
        try:
            await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                return False, None
            first = waiting.result()
            if first is None:
                task.result()
        finally:
            gone.cancel()
            if not waiting.done() or waiting.cancelled() or waiting.result() is None:
                waiting.cancel()
                task.cancel()
                await asyncio.wait((task,))
        self.metrics.began(time.perf_counter() - started)
        return True, first

    def _sent(
        self,
        first: Mapping[str, Any] | None,
        task: asyncio.Task[Any],
        pieces: _Pieces,
        stream: Any,
        name: str,
        started: float,
    ) -> AsyncIterator[bytes]:
        """What a client is sent: each piece in the form of ``stream``, then its end, or what went wrong."""

        async def sent() -> AsyncIterator[bytes]:
            status = 499
            try:
                chunk = first
                while chunk is not None:
                    for data in stream.piece(chunk):
                        yield data
                    chunk = await pieces.get()
                try:
                    done = task.result()
                except asyncio.CancelledError:  # the server is shut down
                    refusal: Refusal | None = Refusal(503, "the server shuts down", kind="server_error")
                except Exception as fault:
                    refusal = self._late() if isinstance(fault, TimeoutError) else refusal_of(fault)
                else:
                    refusal = None
                    for data in stream.end(done):
                        yield data
                status = 200 if refusal is None else refusal.status
                if refusal is not None:
                    self.metrics.refused(refusal.code or refusal.kind)
                    for data in stream.fault(refusal):
                        yield data
            finally:
                task.cancel()
                self.metrics.answered(name, status, time.perf_counter() - started)

        # Not at the end of what is sent: nobody may begin to read it.
        task.add_done_callback(lambda _: self.put_down())
        return sent()

    async def pass_on(self, request: Request, path: str) -> Response:
        """What the model server itself answers: no plan is made for embeddings."""
        started, client = time.perf_counter(), self.admit(request)
        self.take_up()
        try:
            body = await self.body(request)
            no_limits(body, request.headers)
            body.pop(OURS, None)
            return await self._passed(path, body, await self.desk.ready(OURS), client, started)
        finally:
            self.put_down()

    async def _passed(
        self, path: str, body: Mapping[str, Any], ready: Ready, client: Client, started: float
    ) -> Response:
        found = await pass_on(path, body, ready, client, self.bounds.request_s)
        self.metrics.passed(found, client.name)
        return self._told(found, path, started)

    def _told(self, found: Passed, path: str, started: float) -> Response:
        answer, name = found.answer, path.strip("/")
        self.metrics.answered(name, answer.status, time.perf_counter() - started)
        told = answer.body if answer.body is not None else {"error": {"message": answer.text}}
        return _json(told, answer.status, _headers(None, found.cost_usd))

    async def _raw(
        self, request: Request, body: Mapping[str, Any], client: Client, started: float
    ) -> Response | None:
        """The raw completion of one served model, where something is asked for that no plan has."""
        name, path = body.get("model"), "/completions"
        if raw_feature(body) is None or not isinstance(name, str):
            return None
        ready = await self.desk.ready(name)
        if name not in ready.served:
            return None
        no_limits(body, request.headers)
        onward = {name: value for name, value in body.items() if name != OURS}
        if not switch(body, "stream", False):
            return await self._passed(path, onward, ready, client, started)
        pieces: _Pieces = asyncio.Queue()
        stream = PassedStream(body, pieces.put_nowait)

        async def passed() -> Passed:
            found = await pass_on(path, onward, ready, client, self.bounds.request_s, stream)
            self.metrics.passed(found, client.name)
            return found

        task = asyncio.ensure_future(passed())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, first = await self._first(request, task, pieces, started)
        if not there:
            return self._nobody("completions", started)
        if first is None and task.result().answer.status != 200:
            return self._told(task.result(), path, started)
        sent = self._sent(first, task, pieces, stream, "completions", started)
        return _streaming(sent, stream.media_type, {})

    async def finish(self) -> None:
        """Call off what is still in flight; it is recorded as far as it went."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=10)


def make_app(
    endpoint: Endpoint, lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None
) -> Starlette:
    """The application."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route

    Handler = Callable[[Request], Awaitable[Response]]
    app = Starlette(lifespan=lifespan)

    def guarded(handler: Handler) -> Handler:
        """With admission, and faults in OpenAI's form."""

        async def handle(request: Request) -> Response:
            try:
                if request.url.path not in _OPEN:
                    endpoint.admit(request)
                return await handler(request)
            except OptiqError as fault:
                refusal = endpoint.refusal(fault)
                endpoint.metrics.refused(refusal.code or refusal.kind)
                return _json(refusal.body(), refusal.status, refusal.headers)

        return handle

    def route(path: str, handler: Handler, method: str = "GET") -> None:
        app.add_route(path, guarded(handler), methods=[method])

    for path, dialect in DIALECTS.items():
        app.routes.append(Route(path, _Answering(endpoint, dialect), methods=["POST"]))

    async def models(_: Request) -> Response:
        data = [
            {"id": n, "object": "model", "created": 0, "owned_by": "optiq"} for n in endpoint.desk.names()
        ]
        return _json({"object": "list", "data": data})

    async def one_model(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in endpoint.desk.names():
            raise UnknownName(f"there is no model {name!r}", "GET /v1/models lists them.")
        return _json({"id": name, "object": "model", "created": 0, "owned_by": "optiq"})

    async def tags(_: Request) -> Response:
        rows = [
            {"name": name, "model": name, "modified_at": "1970-01-01T00:00:00Z", "size": 0, "digest": "",
             "details": {"format": "plan", "family": "optiq", "families": [], "parameter_size": "",
                         "quantization_level": ""}}
            for name in endpoint.desk.names()
        ]  # fmt: skip
        return _json({"models": rows})

    async def show(request: Request) -> Response:
        body = await endpoint.body(request)
        name = body.get("model") or body.get("name")
        ready = await endpoint.desk.ready(name if isinstance(name, str) else "")
        about = {
            "format": "plan",
            "family": "optiq",
            "families": [],
            "parameter_size": "",
            "quantization_level": "",
        }
        pool = ", ".join(ready.planning.pool)
        told = {
            "modelfile": "",
            "parameters": "",
            "template": "",
            "details": about,
            "capabilities": ["completion"],
        }
        return _json({**told, "model_info": {"optiq.pool": pool, "optiq.snapshot": ready.snapshot_id}})

    async def version(_: Request) -> Response:
        from importlib.metadata import version as of

        return _json({"version": of("optiq")})

    async def feedback(request: Request) -> Response:
        return _json(await endpoint.desk.feedback(read_feedback(await endpoint.body(request))))

    async def metrics(_: Request) -> Response:
        return Response(endpoint.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def well(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def is_ready(_: Request) -> Response:
        fault = await asyncio.to_thread(endpoint.desk.fault)
        said = "ok" if fault is None else without_addresses(fault)
        return PlainTextResponse(f"{said}\n", 200 if fault is None else 503)

    async def page(_: Request) -> Response:
        return HTMLResponse(await asyncio.to_thread(endpoint.desk.page))

    async def embeddings(request: Request) -> Response:
        return await endpoint.pass_on(request, "/embeddings")

    route("/v1/models", models)
    route("/v1/models/{name:path}", one_model)
    route("/v1/embeddings", embeddings, "POST")
    route("/v1/feedback", feedback, "POST")
    route("/api/tags", tags)
    route("/api/show", show, "POST")
    route("/api/version", version)
    route("/metrics", metrics)
    route("/healthz", well)
    route("/readyz", is_ready)
    if endpoint.with_page:
        route("/", page)

    async def missing(request: Request, fault: Exception) -> Response:
        status = getattr(fault, "status_code", 404)
        said = f"{request.method} {request.url.path} is not served here"
        return _json(Refusal(status, said, "See docs/serve.md.", code="not_served").body(), status)

    async def broken(request: Request, fault: Exception) -> Response:
        return _json(refusal_of(fault).body(), 500)

    app.add_exception_handler(404, missing)
    app.add_exception_handler(405, missing)
    app.add_exception_handler(Exception, broken)
    return app


def _parts(value: Any) -> int:
    """The lists and objects in a value that JSON had, itself included."""
    n, level = 0, [value]
    while level:
        n += len(level)
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
    return n


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


@dataclass(frozen=True)
class _Answering:
    """Requests of a dialect as an application of its own: functions are wrapped again and again."""

    endpoint: Endpoint
    dialect: Dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.requests import Request

        response = await self.endpoint.respond(Request(scope, receive, send), self.dialect)
        await response(scope, receive, send)


def _streaming(sent: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]) -> Response:
    from starlette.responses import StreamingResponse

    return StreamingResponse(sent, media_type=media_type, headers={**headers, "cache-control": "no-cache"})


async def _gone(request: Request) -> None:
    """Until the client is gone."""
    with suppress(RuntimeError):
        while (await request.receive())["type"] != "http.disconnect":
            pass


def _shown(headers: Mapping[str, str]) -> str:
    """The key that a client shows, as OpenAI's, Azure's and Anthropic's clients do."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return headers.get("x-api-key") or headers.get("api-key") or ""


def _check_local(headers: Headers) -> None:
    """Without keys only programs of this machine may ask: no page of another origin, by whatever name."""
    try:
        hosts = [urlsplit(f"//{value}").hostname for value in headers.getlist("host")]
        origins = [urlsplit(value).hostname for value in headers.getlist("origin")]
        strange = any(host is not None and not is_loopback(host) for host in hosts)
        strange = strange or not all(map(is_loopback, origins))
    except ValueError:  # no address at all
        strange = True
    if strange:
        raise Refusal(
            403,
            "without keys only programs of this machine are answered",
            "Add a key with `optiq serve keys add NAME`.",
            kind="permission_error",
            code="not_local",
        )


def _headers(plan: Plan | None, cost_usd: float | None) -> dict[str, str]:
    """The plan and what it cost, in characters that a header may have."""
    found = {}
    if plan is not None:
        text = plan.expression.replace("→", "->").replace("\n", " ")
        found["x-optiq-plan"] = text.encode("ascii", "backslashreplace").decode()
    if cost_usd is not None and not math.isnan(cost_usd):
        found["x-optiq-cost-usd"] = f"{cost_usd:.12g}"
    return found


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    from starlette.responses import Response

    return Response(compact(body), status, headers=dict(headers or {}), media_type="application/json")
