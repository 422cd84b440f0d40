"""Servers that never end, close connections at random, get slower or answer as somebody else: one call each at most."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager

import pytest
from dialects import DIALECTS, ask, connect
from hypothesis import given
from hypothesis import strategies as st
from scripted_http import OLLAMA_ANSWER, OPENAI_ANSWER, Reply, scripted_server

from optiq.errors import AnswerLate, AnswerLost
from optiq.execution import Executor, Retries, Work
from optiq.execution.limits import limits_of
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers.http import MOST_BYTES
from optiq.servers.http_faults import retry_after_s


@contextmanager
def raw_server(client):
    """A server whose connections are handled by ``client(reader, writer, number)``; its address."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []

    async def serve():
        async def one(reader, writer):
            found.append(None)
            try:
                await client(reader, writer, len(found))
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(one, "127.0.0.1", 0)
        loop.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{loop.port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


async def read_request(reader):
    """The path of a request; its body is read and dropped. None at the end of the connection."""
    if not (line := await reader.readline()):
        return None
    length = 0
    while (header := await reader.readline()) not in (b"\r\n", b""):
        if header.lower().startswith(b"content-length"):
            length = int(header.split(b":")[1])
    await reader.readexactly(length)
    return line.split()[1].decode()


def response(path):
    body = json.dumps(OLLAMA_ANSWER if path == "/api/chat" else OPENAI_ANSWER).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_without_an_end_is_left(dialect):
    async def endless(reader, writer, number):
        path = await read_request(reader)
        if path not in ("/api/chat", "/v1/chat/completions"):
            writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            return await writer.drain()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        while not writer.is_closing():
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()
            sent.append(0x10000)

    sent = []
    with raw_server(endless) as url, pytest.raises(AnswerLost, match="longer than"):
        ask(connect(dialect, url))
    assert sum(sent) < 3 * MOST_BYTES


@pytest.mark.parametrize("dialect", DIALECTS)
def test_connections_that_are_closed_at_random_fail_no_question(dialect):
    async def moody(reader, writer, number):
        for _ in range(number % 4 + 1):
            if (path := await read_request(reader)) is None:
                return
            writer.write(response(path) if "chat" in path else b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    with raw_server(moody) as url:
        server = connect(dialect, url)
        work = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["tiny:1b"])) for i in range(60)]
        done = Executor(server, "r", retries=Retries(attempts=8, first_s=0.001)).run(work)
    assert {e.status for e in done} == {"answered"}
    assert limits_of(server).at_once["tiny:1b"] >= 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_that_gets_slower_with_every_call_is_given_up_with_a_reason(dialect):
    delays = [Reply(delay_s=0.02 * i) for i in range(1, 40)]
    with scripted_server(*delays) as fake:
        server = connect(dialect, fake.url)
        work = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["tiny:1b"])) for i in range(25)]
        runner = Executor(server, "r", timeout_s=0.15, retries=Retries(attempts=1))
        done = runner.run(work)
    said = [e.error for e in done if e.status == "failed"]
    assert said
    assert all("within 0.15 s" in error or "taken out" in error for error in said)
    assert len(fake.requests) < 25, "a model that never answers in time is asked no more"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_time_out_is_told_from_a_lost_connection(dialect):
    with scripted_server(Reply(delay_s=5)) as fake, pytest.raises(AnswerLate):
        ask(connect(dialect, fake.url), timeout_s=0.1)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_name_of_another_model_is_kept_beside_the_one_that_was_asked(dialect):
    body = {**(OLLAMA_ANSWER if dialect == "ollama" else OPENAI_ANSWER), "model": "somebody-else"}
    with scripted_server(Reply(body)) as fake:
        found = ask(connect(dialect, fake.url))
    assert (found.requested_model, found.answered_model) == ("tiny:1b", "somebody-else")


@given(st.datetimes(), st.integers(-(10**6), 10**6))
def test_a_clock_that_is_wrong_makes_no_pause_longer(now, seconds):
    stamp = time.strftime("%a, %d %b %Y %H:%M:%S GMT", now.timetuple())
    later = now.timestamp() if now.year > 1970 else 0
    after = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(later + seconds))
    base = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(later))
    assert retry_after_s({"retry-after": after, "date": base}) == max(0, seconds)
    assert retry_after_s({"retry-after": stamp, "date": stamp}) in (0, None)
