"""What is asked of the embedded models beyond text: kept where llama.cpp keeps it, else refused before a call."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from optiq.configuration import Settings
from optiq.questions.question import Budget
from tasks.serving.run import ServeRequest, listening, open_app, server_config

USER = {"role": "user", "content": "Which city is the capital of Norway, and how old is it? Answer in JSON."}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "old": {"type": "boolean"}},
    "required": ["city", "old"],
    "additionalProperties": False,
}
NAMED = {"name": "answer", "strict": True, "schema": SCHEMA}
TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
MODELS = ["optiq/cheap", "smollm2:135m", "gemma3:270m"]


@pytest.fixture(scope="module")
def embedded(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of an endpoint over the embedded models."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    shutil.copytree(fresh_home, home)
    settings = Settings(home=str(home), server="embedded", prompt="bare", energy="predicted")
    request = ServeRequest(settings, Budget(), port=0)
    server = uvicorn.Server(server_config(open_app(request, str), request, 2_000))
    opened = listening(request)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{opened.getsockname()[1]}", trust_env=False, timeout=600
    ) as client:
        yield client
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


def chat(reply: httpx.Response) -> str:
    return reply.json()["choices"][0]["message"]["content"]


FORMS = {
    "chat": (
        "/v1/chat/completions",
        {"messages": [USER], "response_format": {"type": "json_schema", "json_schema": NAMED}},
        chat,
    ),
    "completions": (
        "/v1/completions",
        {"prompt": USER["content"], "response_format": {"type": "json_schema", "json_schema": NAMED}},
        lambda reply: reply.json()["choices"][0]["text"],
    ),
    "responses": (
        "/v1/responses",
        {"input": USER["content"], "text": {"format": {"type": "json_schema", **NAMED}}},
        lambda reply: reply.json()["output"][0]["content"][0]["text"],
    ),
    "Ollama chat": (
        "/api/chat",
        {"messages": [USER], "format": SCHEMA, "stream": False},
        lambda reply: reply.json()["message"]["content"],
    ),
    "Ollama generate": (
        "/api/generate",
        {"prompt": USER["content"], "format": SCHEMA, "stream": False},
        lambda reply: reply.json()["response"],
    ),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("path", "body", "said"), FORMS.values(), ids=FORMS)
def test_a_schema_is_kept_in_every_dialect(embedded, path, body, said, model) -> None:
    """Prose once came with status 200."""
    reply = embedded.post(path, json={"model": model, **body})
    assert reply.status_code == 200, reply.text
    found = json.loads(said(reply))
    assert set(found) == {"city", "old"}
    assert isinstance(found["old"], bool)


def test_parts_of_a_schema_may_be_named(embedded) -> None:
    schema = {"$defs": {"yes/no": {"type": "boolean"}}, "$ref": "#/$defs/yes~1no"}
    body = {"model": MODELS[1], "messages": [USER], "format": schema, "stream": False}
    reply = embedded.post("/api/chat", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["message"]["content"] in ("true", "false")


@pytest.mark.parametrize("model", MODELS)
def test_any_object_where_json_is_asked_for_whole_and_streamed(embedded, model) -> None:
    body = {"model": model, "messages": [USER], "response_format": {"type": "json_object"}, "max_tokens": 12}
    begun = chat(embedded.post("/v1/chat/completions", json={**body, "temperature": 0}))
    assert begun.startswith("{")
    streamed = embedded.post("/v1/chat/completions", json={**body, "temperature": 0, "stream": True}).text
    chunks = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(deltas).strip() == begun
    # That the cap cut it is told in a stream as it is of a whole answer.
    assert [c["finish_reason"] for chunk in chunks for c in chunk["choices"]][-1] == "length"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_log_probabilities_are_those_of_the_tokens(embedded, stream) -> None:
    wishes = {"logprobs": True, "top_logprobs": 3, "max_tokens": 4, "temperature": 0, "stream": stream}
    reply = embedded.post("/v1/chat/completions", json={"model": MODELS[1], "messages": [USER], **wishes})
    assert reply.status_code == 200, reply.text
    if stream:
        chunks = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        told = [choice for chunk in chunks for choice in chunk["choices"]]
    else:
        told = reply.json()["choices"]
    tokens = [one for choice in told for one in (choice.get("logprobs") or {}).get("content", ())]
    assert len(tokens) == 4
    for one in tokens:
        assert one["logprob"] <= 0
        assert len(one["top_logprobs"]) == 3
        assert max(other["logprob"] for other in one["top_logprobs"]) == one["logprob"]  # temperature 0


def test_ollama_tells_log_probabilities_beside_the_message(embedded) -> None:
    options = {"num_predict": 3, "temperature": 0}
    body = {"model": MODELS[1], "messages": [USER], "logprobs": True, "stream": False, "options": options}
    reply = embedded.post("/api/chat", json=body).json()
    assert len(reply["logprobs"]) == 3
    lines = embedded.post("/api/chat", json={**body, "stream": True}).text.splitlines()
    assert sum(len(json.loads(line).get("logprobs", ())) for line in lines) == 3


CHAT = "/v1/chat/completions"
LACKED = {
    "tools": (CHAT, {"messages": [USER], "tools": TOOLS}),
    "functions": (CHAT, {"messages": [USER], "functions": [TOOLS[0]["function"]]}),
    "the output of a tool": (
        CHAT, {"messages": [USER, {"role": "tool", "tool_call_id": "c", "content": "Oslo"}]},
    ),
    "several answers": (CHAT, {"messages": [USER], "n": 2}),
    "several texts": ("/v1/completions", {"prompt": "Once", "n": 2}),
    "functions of responses": ("/v1/responses", {"input": "x", "tools": [{"type": "function", "name": "look_up"}]}),
    "tools of Ollama": ("/api/chat", {"messages": [USER], "tools": TOOLS}),
    "pictures": ("/api/chat", {"messages": [{**USER, "images": ["AAAA"]}]}),
    "pictures of generate": ("/api/generate", {"prompt": "What is it?", "images": ["AAAA"]}),
    "log probabilities of responses": ("/v1/responses", {"input": "x", "top_logprobs": 2}),
    "log probabilities included": ("/v1/responses", {"input": "x", "include": ["message.output_text.logprobs"]}),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", MODELS[:2])
@pytest.mark.parametrize(("path", "body"), LACKED.values(), ids=LACKED)
def test_what_llama_cpp_lacks_is_refused_before_a_call(embedded, path, body, model, stream) -> None:
    def calls() -> list[str]:
        page = embedded.get("/metrics").text
        return [line for line in page.splitlines() if line.startswith("optiq_plans_total")]

    before = calls()
    reply = embedded.post(path, json={"model": model, **body, "stream": stream})
    assert reply.status_code == 400, reply.text
    if path.startswith("/v1"):
        assert reply.json()["error"]["code"] == "feature_not_available"
    assert calls() == before


NO_FORMS = {
    "no type": (CHAT, {"messages": [USER], "response_format": {"schema": SCHEMA}}, "response_format"),
    "text": (CHAT, {"messages": [USER], "response_format": "json"}, "response_format"),
    "no schema": (CHAT, {"messages": [USER], "response_format": {"type": "json_schema"}}, "response_format"),
    "what is none": (
        CHAT,
        {"messages": [USER], "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": 7}}}},
        "response_format",
    ),
    "a schema that leads nowhere": ("/api/chat", {"messages": [USER], "format": {"$ref": "#/$defs/nobody"}}, "nobody"),
    "a schema that leads elsewhere": (
        "/api/generate", {"prompt": "x", "format": {"type": "array", "items": {"$ref": "http://localhost/a.json"}}},
        "a.json",
    ),
    "a schema that llama.cpp cannot read": (
        CHAT,
        {
            "messages": [{"role": "user", "content": "Hello!"}],
            "max_tokens": 12,
            "temperature": 0,
            "response_format": {
                "type": "json_schema", "json_schema": {"schema": {"type": "string", "pattern": "^(?=O)Oslo$"}},
            },
        },
        "held to the schema",
    ),
    "a kind that nobody knows": (CHAT, {"messages": [USER], "response_format": {"type": "xml"}}, "xml"),
    "Ollama's of another kind": ("/api/chat", {"messages": [USER], "format": "xml"}, "format"),
    "Ollama's that is none": ("/api/generate", {"prompt": "x", "format": {"type": "strange"}}, "format"),
    "too many others": (CHAT, {"messages": [USER], "logprobs": True, "top_logprobs": 21}, "20"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "named"), NO_FORMS.values(), ids=NO_FORMS)
def test_forms_that_nobody_keeps_are_refused(embedded, path, body, named) -> None:
    reply = embedded.post(path, json={"model": MODELS[1], **body})
    assert reply.status_code == 400, reply.text
    assert named in reply.text
