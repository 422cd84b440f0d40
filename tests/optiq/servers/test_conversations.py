"""Conversations in both dialects: as they came, streamed and whole; and what goes wrong in the middle."""

import asyncio
import json

import pytest
from dialects import DIALECTS, connect
from scripted_http import OPENAI_ANSWER, Reply, scripted_server

from optiq.errors import AnswerBrokeOff, AnswerLost, RequestRefused
from optiq.servers import GenerateRequest
from optiq.servers.conversing import as_one_prompt
from optiq.servers.protocol import Conversation

MESSAGES = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is it?"}]},
)
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"place": "Oslo"}'}}


class Listening:
    """Keeps what it is told."""

    def __init__(self, streams=False):
        self.streams, self.pieces, self.body = streams, [], None

    def piece(self, chunk):
        self.pieces.append(chunk)

    def whole(self, body):
        self.body = body

    @property
    def text(self):
        deltas = [choice["delta"] for chunk in self.pieces for choice in chunk["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)


def converse(dialect, url, listener, messages=MESSAGES, options=None, **more):
    """One conversation, in an event loop of its own."""
    said = Conversation(messages, options or {}, listener, **more)
    request = GenerateRequest("tiny:1b", as_one_prompt(messages), 7, conversation=said)
    server = connect(dialect, url)

    async def call():
        try:
            return await server.generate(request)
        finally:
            await server.disconnect()

    return asyncio.run(call())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer(dialect):
    listener = Listening()
    with scripted_server() as fake:
        found = converse(dialect, fake.url, listener, options={"temperature": 0.5, "keep_alive": 3})
        sent = fake.requests[-1]
    assert (found.text, found.prompt_tokens, found.output_tokens, found.finish_reason) == (
        "Oslo",
        12,
        3,
        "stop",
    )
    assert listener.body["choices"][0]["message"]["content"] == "Oslo"
    assert listener.body["usage"]["total_tokens"] == 15
    assert sent["keep_alive"] == 3
    assert "max_tokens" not in sent
    if dialect == "openai":
        assert sent["messages"] == list(MESSAGES)
        assert sent["temperature"] == 0.5
    else:
        assert sent["messages"][1] == {"role": "user", "content": "What is it?"}
        assert sent["options"] == {"temperature": 0.5}
        assert found.load_s == 0.25


def test_openai_in_ollamas_words():
    options = {
        "temperature": 0, "stop": "END", "max_completion_tokens": 5, "options": {"num_ctx": 99}, "tools": [{"a": 1}],
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    }  # fmt: skip
    messages = (
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, PICTURE]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "content": "rain", "tool_call_id": "c1"},
    )
    with scripted_server() as fake:
        converse("ollama", fake.url, Listening(), messages, options)
        sent = fake.requests[-1]
    assert sent["options"] == {"temperature": 0, "stop": ["END"], "num_predict": 5, "num_ctx": 99}
    assert sent["format"] == {"type": "object"}
    assert sent["tools"] == [{"a": 1}]
    assert sent["messages"][0] == {"role": "user", "content": "What is it?", "images": ["AAAA"]}
    assert sent["messages"][1]["tool_calls"] == [
        {"function": {"name": "look_up", "arguments": {"place": "Oslo"}}}
    ]
    assert not {"stop", "max_completion_tokens", "response_format"} & sent.keys()
    elsewhere = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    for wrong in ({"messages": ({"role": "user", "content": [elsewhere]},)}, {"options": {"n": 2}}):
        with scripted_server() as fake, pytest.raises(RequestRefused):
            converse("ollama", fake.url, Listening(), **wrong)


def stream_of(dialect, cut=False):
    """The bytes of a streamed ``Oslo``, or of its first half."""
    if dialect == "ollama":
        lines = [
            {"message": {"role": "assistant", "content": "Os"}, "done": False},
            {"message": {"role": "assistant", "content": "lo"}, "done": True, "done_reason": "stop",
             "prompt_eval_count": 12, "eval_count": 3},
        ]  # fmt: skip
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines[: 1 if cut else 2])
    chunks = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Os"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": OPENAI_ANSWER["usage"]},
    ]
    data = [json.dumps(chunk) for chunk in chunks] + ["[DONE]"]
    return "".join(f": note\ndata: {one}\r\n\r\n" for one in data[: 1 if cut else 4]).encode()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream(dialect):
    listener = Listening(streams=True)

    with scripted_server(Reply(stream_of(dialect))) as fake:
        found = converse(dialect, fake.url, listener, capped=True)
        sent = fake.requests[-1]
    assert sent["stream"] is True
    assert (sent["options"]["num_predict"] if dialect == "ollama" else sent["max_tokens"]) == 7
    assert (found.text, listener.text, found.prompt_tokens, found.output_tokens) == ("Oslo", "Oslo", 12, 3)
    assert found.finish_reason == "stop"


def chunk_of(reason=None, usage=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"choices": [choice | ({"usage": usage} if usage else {})]}


def events_of(*chunks):
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


USAGE = OPENAI_ANSWER["usage"]
OS, LO = chunk_of(content="Os"), chunk_of("stop", content="lo")
COUNTS = {"choices": [], "usage": USAGE}
TWO_LINES = (
    b'data: {"choices": [{"index": 0, "finish_reason": "stop",\ndata: "delta": {"content": "Oslo"}}]}\n\n'
)
NAMED = b"\xef\xbb\xbfevent: message\r\ndata:%s\r\nid: 7\r\n\r\n: still here\r\n\r\n"
STREAMS = {
    "an event of two lines": TWO_LINES + events_of(COUNTS),
    "a mark of the byte order, names of events, no blanks": NAMED % json.dumps(OS).encode() + events_of(LO, COUNTS),
    "no end": events_of(OS, {**LO, "usage": USAGE}),
    "something after the end": events_of(OS, {**LO, "usage": USAGE}) + b"data: [DONE]\n\ndata: nonsense\n\n",
    "no stream": json.dumps(OPENAI_ANSWER, indent=1).encode(),
    "counts in the choice": events_of(OS, chunk_of("stop", USAGE, content="lo")),
    "counts apart": events_of(OS, {**LO, "x_groq": {"usage": USAGE}}),
    "choices that are none": events_of({**OS, "choices": [None, "x", *OS["choices"]]}, {"choices": {"0": 1}},
                                       {"choices": [{"index": 0, "delta": "x"}]}, {**LO, "usage": USAGE}),
}  # fmt: skip


@pytest.mark.parametrize("body", STREAMS.values(), ids=STREAMS)
def test_streams_as_servers_send_them(body):
    listener = Listening(streams=True)
    with scripted_server(Reply(body)) as fake:
        found = converse("openai", fake.url, listener)
    assert (found.text, listener.text, found.prompt_tokens, found.output_tokens) == ("Oslo", "Oslo", 12, 3)
    assert found.finish_reason == "stop"


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "thinking"])
def test_thoughts_and_refusals_of_a_stream_are_no_part_of_its_text(field):
    body = events_of(chunk_of(**{field: "A city."}), chunk_of("stop", content="Oslo", refusal="No"))
    with scripted_server(Reply(body)) as fake:
        found = converse("openai", fake.url, Listening(streams=True))
    assert (found.text, found.thinking, found.refusal) == ("Oslo", "A city.", "No")


def test_an_error_instead_of_a_stream_says_what_the_server_says():
    with (
        scripted_server(Reply({"error": {"message": "no room"}})) as fake,
        pytest.raises(AnswerLost) as fault,
    ):
        converse("openai", fake.url, Listening(streams=True))
    assert "no room" in str(fault.value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_breaks_off_is_not_tried_again(dialect):
    body = stream_of(dialect, cut=True)
    for reply in (Reply(body), Reply(stream_of(dialect), cut=len(body) + 2)):
        listener = Listening(streams=True)
        with scripted_server(reply) as fake, pytest.raises(AnswerBrokeOff):
            converse(dialect, fake.url, listener)
        assert listener.text == "Os"


@pytest.mark.parametrize(
    ("dialect", "body"),
    [("ollama", b'{"error": "out of memory"}\n'), ("openai", b'data: {"error": {"message": "no"}}\n\n'),
     ("ollama", b"nonsense\n"), ("openai", b"data: nonsense\n\n"), ("ollama", b""), ("openai", b"")],
)  # fmt: skip
def test_a_stream_without_a_beginning_may_be_tried_again(dialect, body):
    with scripted_server(Reply(body)) as fake, pytest.raises(AnswerLost) as fault:
        converse(dialect, fake.url, Listening(streams=True))
    assert not isinstance(fault.value, AnswerBrokeOff)


def test_a_cap_that_nobody_asked_for_gives_way_in_name_only():
    refused = Reply({"error": {"message": "Unsupported parameter: 'max_tokens'", "param": "max_tokens"}}, 400)
    with scripted_server(refused) as fake:
        converse("openai", fake.url, Listening(), capped=True)
        assert fake.requests[-1]["max_completion_tokens"] == 7
    with scripted_server(refused) as fake, pytest.raises(RequestRefused):
        converse("openai", fake.url, Listening(), options={"max_tokens": 5})


@pytest.mark.parametrize(
    ("version", "told", "features"),
    [
        ("0.12.11", ["completion", "vision"], {"completion", "images", "json", "logprobs"}),
        ("0.13.0-rc1", ["completion", "tools"], {"completion", "tools", "json", "logprobs"}),
        ("0.9.6", ["completion"], {"completion", "json"}),
        (None, ["completion"], {"completion", "json"}),
        ("0.13.0", None, None),
    ],
)
def test_ollama_says_what_a_model_has_and_its_version_whether_log_probabilities_come(version, told, features):
    with scripted_server(Reply({"capabilities": told})) as fake:
        if version is not None:
            fake.lists["/api/version"] = {"version": version}
        server = connect("ollama", fake.url)

        async def tell():
            try:
                return await server.features("tiny:1b")
            finally:
                await server.disconnect()

        assert asyncio.run(tell()) == features


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_log_probabilities_of_ollama_are_told_in_the_form_of_openai(streams):
    told = [{"token": "Oslo", "logprob": -0.5, "bytes": [79, 115, 108, 111], "top_logprobs": []}]
    body = {"message": {"role": "assistant", "content": "Oslo"}, "logprobs": told, "done": True}
    listener = Listening(streams)
    with scripted_server(Reply(body)) as fake:
        found = converse("ollama", fake.url, listener, options={"logprobs": True})
        assert fake.requests[-1]["logprobs"] is True
    choice = listener.pieces[0]["choices"][0] if streams else listener.body["choices"][0]
    assert choice["logprobs"]["content"] == told
    assert found.logprob_mean == -0.5


def test_a_form_that_ollama_does_not_know_is_not_passed_over():
    with scripted_server() as fake:
        with pytest.raises(RequestRefused, match="xml"):
            converse("ollama", fake.url, Listening(), options={"response_format": {"type": "xml"}})
        assert fake.requests == []
