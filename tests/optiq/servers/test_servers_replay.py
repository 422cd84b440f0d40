"""Recorded completions come back as they were; what was not recorded is a fault."""

import asyncio
import json

import pytest

from optiq.errors import InputError, ModelNotServed, ServerError, UnknownName
from optiq.servers import GenerateRequest, ModelServer, open_server
from optiq.servers.replay import ReplayServer, recorded

ROWS = [
    {"model": "a", "prompt": "Where?", "text": "Oslo", "prompt_tokens": 3, "latency_s": 0.5, "digest": "d"},
    {"model": "a", "prompt": "Where?", "text": "Bergen"},
    {"model": "b", "prompt": "Where?", "text": "Rome"},
]


def ask(server, model="a", prompt="Where?"):
    return asyncio.run(server.generate(GenerateRequest(model, prompt)))


def test_a_recorded_call_is_replayed_with_its_figures(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)) + "\n\n", encoding="utf-8")
    server = open_server("replay", str(path))
    assert isinstance(server, ModelServer)
    assert [(m.name, m.digest) for m in server.list_models()] == [("a", "d"), ("b", None)]
    answer = ask(server)
    assert (answer.text, answer.prompt_tokens, answer.latency_s, answer.output_tokens) == (
        "Oslo",
        3,
        0.5,
        None,
    )
    assert ask(server, "b").latency_s is None, "not recorded is not 0"
    assert server.count_tokens("a", "Where?") == 3
    assert server.count_tokens("a", "When?") is None
    assert "3 recorded" not in server.describe()
    assert server.health() is None
    server.close()


def test_a_replayed_answer_records_the_same_row_again():
    request = GenerateRequest("a", "Where?")
    answer = ask(ReplayServer(ROWS))
    assert recorded(request, answer) == {**ROWS[0], "answered_model": "a"}


def test_what_was_not_recorded_is_a_fault():
    with pytest.raises(ServerError, match="When"):
        ask(ReplayServer(ROWS), prompt="When?")
    with pytest.raises(ModelNotServed, match="a, b"):
        ask(ReplayServer(ROWS), model="c")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "row 1 is no JSON"),
        ("[1]", "no JSON object"),
        ('{"model": "a", "text": "x"}', "prompt is missing"),
        ('{"model": "a", "prompt": "p", "text": "x", "latency_s": "fast"}', "latency_s is 'fast'"),
        ('{"model": "a", "prompt": "p", "text": "x", "latency_s": NaN}', "latency_s is nan"),
        ('{"model": "a", "prompt": "p", "text": "x", "prompt_tokens": -1}', "prompt_tokens is -1"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_row(tmp_path, text, message):
    path = tmp_path / "calls.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        open_server("replay", str(path))


def test_a_missing_file_and_no_file():
    with pytest.raises(InputError, match=r"nowhere\.jsonl cannot be read"):
        open_server("replay", "nowhere.jsonl")
    with pytest.raises(InputError, match="no file"):
        ReplayServer.from_file("")


def test_an_unknown_kind_of_server():
    with pytest.raises(UnknownName, match="auto, embedded, ollama, openai, replay"):
        open_server("vllm")
