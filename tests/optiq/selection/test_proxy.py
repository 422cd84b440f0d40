"""The proxy of runs serves runs alone: any user of the machine can connect to its port, and is told nothing."""

from __future__ import annotations

import contextvars
import socket
from collections.abc import Iterator

import pytest

from optiq.selection.proxy import Proxy, environment_through_proxy
from optiq.selection.recording import Recorder, current
from tests.optiq.scripted_http import scripted_server


@pytest.fixture
def run() -> Iterator[Recorder]:
    proxy, recorder = Proxy(), Recorder({})
    proxy.enter(recorder)
    try:
        yield recorder
    finally:
        proxy.close()


def told(recorder: Recorder, path: str, *lines: str) -> int:
    """How a request is answered whose body never comes."""
    with socket.create_connection(("127.0.0.1", recorder.proxy.port), timeout=60) as one:
        one.sendall("\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode())
        answer = one.makefile("rb")
        status = int(answer.readline().split()[1])
        while answer.read(4096):  # to the end of the connection
            pass
        return status


@pytest.mark.parametrize("token", ["", "-", "x" * 16, "%2e%2e"])
def test_who_has_no_run_is_answered_before_anything_is_read(run: Recorder, token: str) -> None:
    assert told(run, f"/r/-/{token}/http/127.0.0.1:9/v1", "Content-Length: 9000000000") == 410


@pytest.mark.parametrize(
    ("length", "status"), [("9000000000", 413), ("9" * 5000, 413), ("-1", 400), ("much", 400), ("²", 400)]
)
def test_a_length_that_is_none_or_too_much_is_refused(run: Recorder, length: str, status: int) -> None:
    path = f"/r/-/{run.token}/http/127.0.0.1:9/v1"
    with socket.create_connection(("127.0.0.1", run.proxy.port), timeout=60) as one:
        one.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert int(one.makefile("rb").readline().split()[1]) == status


def test_nothing_is_served_once_the_run_is_over(run: Recorder) -> None:
    with scripted_server() as server:
        path = run.proxy.address(run, f"{server.url}/v1", None).partition(str(run.proxy.port))[2]
        run.proxy.leave(run)
        assert told(run, path, "Content-Length: 5") == 410
        assert not server.requests


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"NO_PROXY": "a.example"}, "a.example,127.0.0.1,localhost"),
        ({"no_proxy": "b.example, 127.0.0.1", "NO_PROXY": "a"}, "b.example,127.0.0.1,localhost"),
    ],
)
def test_other_processes_reach_it_past_the_proxies_of_the_machine(run: Recorder, given, expected) -> None:
    context = contextvars.copy_context()
    context.run(current.set, run)
    found = context.run(environment_through_proxy, given)
    assert found["NO_PROXY"] == found["no_proxy"] == expected
    assert f"127.0.0.1:{run.proxy.port}" in found["OPENAI_BASE_URL"]
