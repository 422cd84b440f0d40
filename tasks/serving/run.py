"""`optiq serve`: the endpoint on a home, with what is done beside the requests: landing, looking for new snapshots."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from optiq.configuration import Settings
from optiq.endpoint.app import Bounds, Endpoint, make_app
from optiq.endpoint.connections import bounded_protocol, most_connections
from optiq.endpoint.keys import Keys
from optiq.endpoint.metrics import Metrics
from optiq.endpoint.spending import Spending
from optiq.errors import ConfigurationError
from optiq.questions.question import Budget
from optiq.servers.addresses import is_loopback
from tasks.serving.desk import ServingDesk
from tasks.serving.page import serving_page
from warehouse.find_home import find_home

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

BACKLOG = 4096
"""Connections that wait to be taken up."""

_SWITCH_S = 2e-4
"""What is landed beside the requests gives way to them so soon: each of a request's system calls would otherwise wait
for the interpreter's 5 ms."""

LOOK_S = 0.5
"""How often the published file is looked at, and the journal tended."""


@dataclass(frozen=True)
class ServeRequest:
    """What `optiq serve` is asked for. ``budget`` holds for every request; ``store_text`` is no, hash or yes."""

    settings: Settings
    budget: Budget
    host: str = "127.0.0.1"
    port: int = 8080
    store_text: str = "yes"
    bounds: Bounds = Bounds()  # noqa: RUF009 - frozen
    shutdown_s: int = 30
    page: bool = True


def keys_of(home: str | None) -> Keys:
    """The keys of a home."""
    return Keys(find_home(home).path / "serving" / "keys.json")


def spent_today(home: str | None) -> dict[str, tuple[float, float]]:
    """What each client has spent today, and what is in flight for it; nothing where nobody has asked yet."""
    folder = find_home(home).path / "serving"
    if not (folder / "clients.sqlite").is_file():
        return {}
    spending = Spending(folder)
    try:
        return spending.today(keys_of(home).every())
    finally:
        spending.close()


def serve(request: ServeRequest, note: Callable[[str], None]) -> None:
    """Serve until the process is told to end (SIGTERM, Ctrl-C): what is in flight is finished, or recorded.

    Raises
    ------
    OptiqError
        if there is no PerfDB or no model server, the address cannot be had, or it is open to others without keys.
    """
    import uvicorn

    if not is_loopback(request.host) and not keys_of(request.settings.home).every():
        raise ConfigurationError(
            f"--host {request.host} lets others ask, and there is no key",
            "Make one first with `optiq serve keys add NAME`, or leave --host out.",
        )
    app = open_app(request, note)
    opened = listening(request)
    port = opened.getsockname()[1]
    host = f"[{request.host}]" if ":" in request.host else request.host
    note(f"serving on http://{host}:{port}/v1 (OpenAI) and http://{host}:{port} (Ollama); Ctrl-C ends it")
    server = uvicorn.Server(server_config(app, request, most_connections()))
    sys.setswitchinterval(_SWITCH_S)
    with suppress(KeyboardInterrupt):  # told again by uvicorn after it has ended in good order
        server.run(sockets=[opened])


def server_config(app: Starlette, request: ServeRequest, most: int) -> uvicorn.Config:
    """How HTTP is spoken, on ``most`` connections."""
    import uvicorn

    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=request.shutdown_s,
        backlog=BACKLOG,
        http=bounded_protocol(most),
        ws="none",
        h11_max_incomplete_event_size=64 * 1024,
    )


def open_app(request: ServeRequest, note: Callable[[str], None]) -> Starlette:
    """The application with a snapshot taken up; an :class:`OptiqError` if there is none, or no model server."""
    metrics = Metrics()
    desk = ServingDesk(request.settings, request.budget, request.store_text, metrics, note)
    desk.open()
    keys = keys_of(request.settings.home)
    with_keys = bool(keys.every())
    spending = Spending(desk.home.path / "serving")
    local = is_loopback(request.host)
    endpoint = Endpoint(
        desk,
        keys,
        spending,
        metrics,
        request.bounds,
        must_have_key=not local or with_keys,
        with_page=request.page and local,
    )
    desk.show = lambda: serving_page(desk, spending, keys)

    @asynccontextmanager
    async def living(_: Starlette) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what is there now stays; to look through it again and again takes 50 ms each time
        gc.set_threshold(10_000)  # a request leaves hundreds of objects, hardly ever in a circle
        left = await asyncio.to_thread(desk.journal.recover)
        if left:
            note(f"landed what {left} ended processes had answered")
        tending = asyncio.ensure_future(_tend(desk, spending, note))
        try:
            yield
        finally:
            tending.cancel()
            await endpoint.finish()
            with suppress(asyncio.CancelledError):
                await tending
            await asyncio.to_thread(_each, (partial(desk.journal.tend, True), spending.close), note)
            session = desk.session()
            if session is not None and session.server is not None:
                await session.server.disconnect()
            gc.unfreeze()  # else DuckDB lists at the end of the process what was never collected

    return make_app(endpoint, living)


async def _tend(desk: ServingDesk, spending: Spending, note: Callable[[str], None]) -> None:
    """Land what was answered, write what was spent, take up what was published; a fault ends none of it."""

    parts = (desk.look, spending.flush, desk.journal.tend)
    while True:
        await asyncio.sleep(LOOK_S)
        await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(_each, parts, note)))


def _each(parts: Iterable[Callable[[], object]], note: Callable[[str], None]) -> None:
    """Do each of ``parts``, whatever becomes of the others."""
    for part in parts:
        try:
            part()
        except Exception as fault:
            note(f"warning: {fault}")


def listening(request: ServeRequest) -> socket.socket:
    """The socket to listen on; a :class:`ConfigurationError` if it cannot be had."""
    family = socket.AF_INET6 if ":" in request.host else socket.AF_INET
    # With the protocol said: asyncio turns Nagle's algorithm off only then, which costs 40 ms an answer.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((request.host, request.port))
        opened.listen(BACKLOG)  # who asks before the application runs waits, and is not refused
    except OSError as fault:
        opened.close()
        raise ConfigurationError(
            f"{request.host}:{request.port} cannot be listened on: {fault.strerror or fault}",
            "Give another port with --port, or end what has it.",
        ) from None
    return opened
