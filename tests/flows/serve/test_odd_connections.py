"""Connections and requests as no client of good will makes them: on sockets, below what a client lets through."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn

from benchmarks.model_server import Behaviour
from optiq.endpoint.app import Bounds
from optiq.endpoint.connections import bounded_protocol
from tests.flows.serve.conftest import MODELS, Endpoint, model_server, running

BODY = json.dumps({"model": "phi4:14b", "messages": [{"role": "user", "content": "Why?"}]}).encode()


@pytest.fixture(scope="module")
def patient(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint that takes two requests at once and waits half a second for their bodies."""
    home = tmp_path_factory.mktemp("patient") / "home"
    shutil.copytree(fresh_home, home)
    behaviour = Behaviour([*MODELS])
    bounds = Bounds(requests=2, body_s=0.5)
    with model_server(behaviour) as url, running(home, url, behaviour, bounds=bounds) as endpoint:
        yield endpoint


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60)


def request(*lines: str, body: bytes = BODY, length: int | None = None) -> bytes:
    head = ["POST /v1/chat/completions HTTP/1.1", *lines, f"Content-Length: {length or len(body)}", "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def status(url: str, sent: bytes) -> int:
    """How what is sent is answered."""
    with connect(url) as one:
        one.sendall(sent)
        return int(one.recv(12).split()[1])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Host: 127.0.0.1"], 200),
        (["Host: [::1]:8080"], 200),
        (["Host: ["], 403),
        (["Host: 127.0.0.1", "Host: page.example"], 403),
        (["Host: localhost", "Origin: http://["], 403),
        (["Host: localhost", "Origin: http://localhost:3000"], 200),
        (["Host: localhost", "Origin: http://localhost", "Origin: http://page.example"], 403),
        (["Host: localhost", "Origin: "], 403),
        (["Host: 127.0.0.1@page.example"], 403),
        (["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket"], 400),
    ],
)
def test_every_name_and_origin_that_is_shown_is_this_machines(patient, lines, expected) -> None:
    assert status(patient.url, request(*lines)) == expected


def test_bodies_that_do_not_come_give_their_places_back(patient) -> None:
    with ExitStack() as open_ones:
        slow = [open_ones.enter_context(connect(patient.url)) for _ in range(2)]
        for one in slow:
            one.sendall(request("Host: localhost", body=b"{", length=100))
        patient.until(lambda: status(patient.url, request("Host: localhost")) == 200)
        assert {one.recv(12) for one in slow} == {b"HTTP/1.1 408"}
    with connect(patient.url) as gone:
        gone.sendall(request("Host: localhost", body=b"{", length=100))
    assert status(patient.url, request("Host: localhost")) == 200
    assert not [line for line in patient.notes if "Traceback" in line]


def test_a_request_of_empty_lists_is_refused_and_one_that_writes_of_them_is_not(patient) -> None:
    def asked(content: str, more: str) -> bytes:
        said = f'{{"model": "phi4:14b", "messages": [{{"role": "user", "content": "{content}"}}], "x": [{more}1]}}'
        return request("Host: localhost", body=said.encode())

    assert status(patient.url, asked("Why?", "[]," * 60_000)) == 413
    assert status(patient.url, asked("[" * 60_000, "[],")) == 200


def test_connections_that_ask_nothing_or_never_end_their_head_are_closed() -> None:
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    protocol = bounded_protocol(3, head_s=0.5, head_bytes=2_000)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", http=protocol))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        with connect(url) as idle, connect(url) as begun, connect(url) as large:
            begun.sendall(head)
            with connect(url) as one_more:
                assert one_more.recv(1) == b""  # beyond the most
            large.sendall(head + b"X: " + b"x" * 1_000)
            large.sendall(b"x" * 1_500)
            assert large.recv(1) == b""
            assert idle.recv(1) == b""
            assert begun.recv(1) == b""
        with connect(url) as good:
            for _ in range(2):
                good.sendall(head + b"\r\n")
                assert good.recv(1_000).startswith(b"HTTP/1.1 204")
            good.sendall(head)  # of a third, which does not end
            assert good.recv(1) == b""
    finally:
        server.should_exit = True
        thread.join(30)
