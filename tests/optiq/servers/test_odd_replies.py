"""What servers send, however odd, becomes what can be stored; what is no answer is a fault with a name."""

import json
import math
from pathlib import Path

import pytest
from dialects import DIALECTS, ask, connect
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_http import OLLAMA_ANSWER, OPENAI_ANSWER, Reply, closed_port, scripted_server

from optiq.errors import AnswerLost, RequestRefused, ServerError, TransientServerError
from optiq.servers.http import MOST_BYTES
from optiq.servers.protocol import Generation
from optiq.servers.replies import answer_and_thinking, billed_output

CASES = json.loads((Path(__file__).parent / "odd_replies.json").read_text(encoding="utf-8"))


def body(dialect, case):
    """The case in a dialect."""
    message = {"role": "assistant", **case["message"]}
    prompt, output = case.get("counts", (12, 3))
    reason, model = case.get("reason", "stop"), case.get("model", "tiny:1b")
    if dialect == "ollama":
        return {
            **OLLAMA_ANSWER, "message": message, "model": model, "done_reason": reason,
            "prompt_eval_count": prompt, "eval_count": output,
        }  # fmt: skip
    usage = {"prompt_tokens": prompt, "completion_tokens": output}
    choice = {"index": 0, "finish_reason": reason, "message": message}
    return {**OPENAI_ANSWER, "choices": [choice], "model": model, "usage": usage}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_an_odd_reply_is_read(dialect, case):
    with scripted_server(Reply(body(dialect, case))) as fake:
        found = ask(connect(dialect, fake.url))
    assert (found.text, found.thinking) == (case["text"], case.get("thinking"))
    assert [found.prompt_tokens, found.output_tokens] == case.get("tokens", [12, 3])
    assert found.finish_reason == case.get("finish_reason", "stop")
    assert found.answered_model == case.get("answered_model", "tiny:1b")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "thinking", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(st.lists(ANYTHING, min_size=9, max_size=9), ANYTHING)
def test_anything_anywhere_can_be_stored(fields, message):
    answer, thinking = answer_and_thinking(message, {"reasoning": message})
    counts = dict(
        zip(("prompt_tokens", "output_tokens", "cached_tokens", "thinking_tokens"), fields, strict=False)
    )
    times = dict(zip(("load_s", "prompt_s", "output_s"), fields[4:], strict=False))
    found = Generation(
        fields[0], "tiny:1b", fields[1], "s", 1.0, None, **counts, **times,
        finish_reason=fields[7], refusal=fields[8], digest=fields[2],
    )  # fmt: skip
    for name in ("text", "answered_model", "finish_reason", "refusal", "digest", "thinking"):
        told = getattr(found, name)
        assert told is None or told.encode() is not None
    for told in (answer, thinking):
        told.encode()
    for name in counts:
        told = getattr(found, name)
        assert told is None or (type(told) is int and 0 <= told < 2**31)
    for name in times:
        told = getattr(found, name)
        assert told is None or math.isfinite(told)


@pytest.mark.parametrize(
    ("usage", "thought", "expected"),
    [
        (
            {"completion_tokens": 300, "completion_tokens_details": {"reasoning_tokens": 290}},
            True,
            (300, 290),
        ),
        # counted beside the output, as the total shows
        (
            {
                "completion_tokens": 9,
                "completion_tokens_details": {"reasoning_tokens": 8},
                "total_tokens": 29,
            },
            True,
            (17, 8),
        ),
        ({"completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 290}}, True, (293, 290)),
        ({"completion_tokens": 3, "total_tokens": 115}, True, (103, 100)),
        ({"completion_tokens": 3, "total_tokens": 115}, False, (3, None)),
        ({"completion_tokens_details": {"reasoning_tokens": 290}}, True, (None, 290)),
        ({"completion_tokens": 3, "completion_tokens_details": "?"}, False, (3, None)),
        (None, True, (None, None)),
    ],
)
def test_thinking_is_billed_wherever_it_is_counted(usage, thought, expected):
    assert billed_output(usage, 12, thought) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"choices": [{"message": 1' + b"0" * 5000 + b"}]}",
        b"\xff\xfe\x00",
        b"[]",
        b'{"choices": "none", "message": null}',
        b"<html><body>It works!</body></html>",
        b"",
    ],
    ids=["brackets", "digits", "bytes", "list", "null", "html", "nothing"],
)
def test_what_is_no_answer_is_lost(dialect, raw):
    with scripted_server(Reply(raw)) as fake, pytest.raises(AnswerLost):
        ask(connect(dialect, fake.url))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_answer_of_200_mb_is_not_read_to_its_end(dialect):
    with (
        scripted_server(Reply(b" " * (MOST_BYTES + 2**20))) as fake,
        pytest.raises(AnswerLost, match="longer than"),
    ):
        ask(connect(dialect, fake.url))


def test_an_error_in_a_good_status_is_what_it_says():
    busy = Reply({"error": {"code": 429, "message": "slow down"}}, headers={"Retry-After": "3"})
    wrong = Reply({"error": {"code": 400, "message": "no"}})
    with scripted_server(busy, wrong) as fake:
        server = connect("openai", fake.url)
        with pytest.raises(TransientServerError, match="slow down") as caught:
            ask(server)
        assert caught.value.retry_after_s == 3
        with pytest.raises(RequestRefused):
            ask(server)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("status", "said", "remedy"),
    [
        (400, "the prompt has 9000 tokens and does not fit", "check the question"),
        (413, "payload", "check the question"),
        (422, "unprocessable", "check the question"),
        (400, "request exceeds the available context size, try increasing it", "longer context"),
        (500, "the input length exceeds the context length", "longer context"),
        (400, "The response was filtered: content management policy", "filter"),
        (403, "your input was flagged by moderation", "filter"),
    ],
)
def test_a_fault_of_the_request_is_told_from_one_of_the_server(dialect, status, said, remedy):
    with (
        scripted_server(Reply({"error": {"message": said}}, status)) as fake,
        pytest.raises(RequestRefused, match=remedy),
    ):
        ask(connect(dialect, fake.url))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_refused_connection_is_no_lost_answer(dialect):
    with pytest.raises(TransientServerError) as caught:
        ask(connect(dialect, f"http://127.0.0.1:{closed_port()}"))
    assert not isinstance(caught.value, AnswerLost), "nobody was called: nothing is billed"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_socks_variables_do_not_reach_this_machine(dialect, monkeypatch):
    for name in ("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:1")
    with scripted_server() as fake:
        server = connect(dialect, fake.url)
        assert server.health() is None
        assert ask(server).text == "Oslo"
    with pytest.raises(ServerError):
        ask(connect(dialect, "http://optiq.invalid"))
