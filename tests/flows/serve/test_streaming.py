"""Streams: the last node's, as it comes; and clients that go away."""

from __future__ import annotations

import json
import socket
import time

import polars as pl
import pytest

USER = {"role": "user", "content": "What is the capital of Norway?"}
ASKED = {"model": "optiq", "messages": [USER]}


def test_chunks_make_the_answer_and_the_last_one_says_the_plan(served) -> None:
    whole = served.ask().json()
    *chunks, done = served.events(**ASKED)
    assert done == "[DONE]"
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == whole["choices"][0]["message"]["content"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert chunks[-1]["optiq"]["plan"]["models"] == ["gemma3:27b+bare"]
    assert chunks[-1]["optiq"]["observed"]["cost_usd"] == pytest.approx(
        whole["optiq"]["observed"]["cost_usd"]
    )
    assert "usage" not in chunks[-1]


def test_usage_comes_when_it_is_asked_for(served) -> None:
    *_, usage, done = served.events(**ASKED, stream_options={"include_usage": True})
    assert done == "[DONE]"
    assert usage["choices"] == []
    assert usage["usage"] == served.ask().json()["usage"]


def test_a_blend_streams_its_last_node(served) -> None:
    """A chain in which the last model repeats what it was told would stream more: only the last node is heard."""
    limits = {"model": "optiq/blends", "messages": [USER]}
    whole = served.client.post("/v1/chat/completions", json=limits)
    assert whole.status_code == 404  # no such profile here; see test_profiles
    *chunks, _ = served.events(**ASKED)
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_other_dialects_stream(served) -> None:
    whole = served.ask().json()["choices"][0]["message"]["content"]
    *chunks, done = served.events("/v1/completions", model="optiq", prompt=USER["content"])
    assert done == "[DONE]"
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == whole
    events = served.events("/v1/responses", model="optiq", input=USER["content"])
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    assert "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta") == whole
    assert events[-1]["response"]["output"][0]["content"][0]["text"] == whole


def test_the_first_piece_does_not_wait_for_the_last(serve) -> None:
    with serve() as endpoint:
        endpoint.behaviour.words, endpoint.behaviour.between_s = 8, 0.2
        arrived = []
        with endpoint.client.stream("POST", "/v1/chat/completions", json={**ASKED, "stream": True}) as reply:
            assert reply.headers["x-optiq-plan"]
            for line in reply.iter_lines():
                if line.startswith("data: {"):
                    arrived.append((endpoint.behaviour.in_flight, json.loads(line[6:])))
        assert arrived[0][0] == 1  # its model still writes
        assert "finish_reason" in arrived[-1][1]["choices"][0]


def test_a_server_that_dies_in_the_middle(serve) -> None:
    with serve() as endpoint:
        endpoint.behaviour.truncated = 1.0
        *chunks, last = endpoint.events(**ASKED)
        assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
        assert last["error"]["code"] == "answer_lost"
        assert sum(endpoint.behaviour.asked.values()) == 1  # a second try would say the beginning twice
        reply = endpoint.ask()
        assert reply.status_code == 502
        assert reply.json()["error"]["type"] == "server_error"
        assert "127.0.0.1" not in reply.text + str(last), "where the model server is, is no matter of clients"
        endpoint.behaviour.truncated = 0.0
        endpoint.until(lambda: endpoint.ask().status_code == 200, 60)


def test_a_model_that_says_nothing_is_heard_as_it_is_and_asked_once(serve) -> None:
    with serve() as endpoint:
        endpoint.behaviour.empty = 1.0
        reply = endpoint.ask()
        assert reply.status_code == 200, reply.text
        assert reply.json()["choices"][0]["message"]["content"] == ""
        assert reply.json()["choices"][0]["finish_reason"] == "stop"
        *_, last, done = endpoint.events(**ASKED)
        assert (last["choices"][0]["finish_reason"], done) == ("stop", "[DONE]")
        said = endpoint.client.post("/api/chat", json={**ASKED, "stream": False}).json()
        assert (said["message"]["content"], said["done"]) == ("", True)
        answered = endpoint.client.post("/v1/responses", json={"model": "optiq", "input": "Why?"})
        assert answered.status_code == 200, answered.text
        assert sum(endpoint.behaviour.asked.values()) == 4, (
            "told as a fault, it would be asked and paid again"
        )


def test_a_fault_before_the_first_piece_is_an_answer_with_its_status(serve) -> None:
    with serve() as endpoint:
        endpoint.behaviour.errors = 1.0
        reply = endpoint.client.post("/v1/chat/completions", json={**ASKED, "stream": True})
        assert (reply.status_code, reply.json()["error"]["type"]) == (502, "server_error")
        assert "127.0.0.1" not in reply.text
        asked = endpoint.behaviour.asked
        assert set(asked) == {
            "gemma3:27b",
            "mistral:7b",
            "phi4:14b",
        }  # it was planned again without what failed


@pytest.mark.parametrize(("stream", "began"), [(True, True), (True, False), (False, False)])
def test_a_client_that_goes_away_stops_the_calls(serve, stream, began) -> None:
    with serve() as endpoint:
        endpoint.behaviour.words, endpoint.behaviour.between_s = 200, 0.05
        endpoint.behaviour.delay_s = 0.5 if began else 12.0
        body = json.dumps({**ASKED, "stream": stream, "model": "phi4:14b"}).encode()
        host, port = endpoint.url.removeprefix("http://").split(":")
        gone = socket.create_connection((host, int(port)))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
        gone.sendall(head.encode() + body)
        endpoint.until(lambda: endpoint.behaviour.in_flight == 1)
        if began:
            assert gone.recv(100)
        gone.close()
        assert endpoint.behaviour.in_flight == 1
        started = time.monotonic()
        metrics = endpoint.until(
            lambda: (
                (page := endpoint.client.get("/metrics").text)
                and "optiq_requests_in_flight 0.0" in page
                and page
            )
        )
        assert time.monotonic() - started < 8  # 10 s of words were left
        assert 'status="499"' in metrics
    landed = pl.read_parquet(endpoint.home.landing / "traces-serve-*.parquet")
    assert landed["status"].to_list() == ["failed"]
    assert landed["error"].to_list() == ["called off before its end"]
    assert landed["calls"].to_list()[0][0]["error"] == "called off before its end"


def test_time_is_limited(serve) -> None:
    from optiq.endpoint.app import Bounds

    with serve(bounds=Bounds(request_s=0.3)) as endpoint:
        endpoint.behaviour.delay_s = 30
        reply = endpoint.ask()
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")
