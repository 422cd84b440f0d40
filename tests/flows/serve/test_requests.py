"""Requests in OpenAI's dialect: what is planned, what is passed on, what is refused and how."""

from __future__ import annotations

import json

import pytest

USER = {"role": "user", "content": "What is the capital of Norway?"}


def test_an_answer_says_its_plan_and_what_it_cost(served) -> None:
    reply = served.ask()
    body = reply.json()
    assert reply.status_code == 200, body
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"].startswith("w")
    about = body["optiq"]
    assert about["plan"]["models"] == ["gemma3:27b+bare"]
    assert about["observed"]["cost_usd"] == pytest.approx(float(reply.headers["x-optiq-cost-usd"]), rel=1e-9)
    assert about["predicted"]["qoa"] > 0
    assert reply.headers["x-optiq-plan"] == "gemma3:27b+bare"
    assert len(about["execution_id"]) == 32
    assert about["snapshot_id"].startswith("000001")
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )


@pytest.mark.parametrize(
    ("model", "plan"),
    [("optiq/cheap", "mistral:7b+bare"), ("optiq/best", "gemma3:27b+bare"), ("phi4:14b", "phi4:14b+bare")],
)
def test_what_is_asked_for_by_name(served, model, plan) -> None:
    body = served.ask(model=model).json()
    assert body["optiq"]["plan"]["models"] == [plan]
    assert body["model"] == model


def test_the_conversation_and_unknown_fields_go_to_the_model_as_they_came(served) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Norway?"},
        {"role": "assistant", "content": "Oslo"},
        {"role": "user", "content": "And Sweden?", "name": "ann"},
    ]
    wishes = {"max_cost_usd": 0.01}
    body = {"model": "optiq", "messages": messages, "top_k": 7, "metadata": {"a": [1]}, "optiq": wishes}
    reply = served.client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200
    sent = served.behaviour.last
    assert sent["messages"] == messages
    assert (sent["top_k"], sent["metadata"]) == (7, {"a": [1]})
    assert not {"optiq", "stream", "temperature", "seed"} & sent.keys()


def test_limits_by_field_or_header_and_what_nothing_meets(served) -> None:
    reply = served.ask(optiq={"max_cost_usd": 2.5e-5})
    assert reply.json()["optiq"]["plan"]["models"] == ["mistral:7b+bare"]
    body = {"model": "optiq", "messages": [USER]}
    headers = {"x-optiq-max-cost-usd": "0.000025"}
    told = served.client.post("/v1/chat/completions", json=body, headers=headers).json()
    assert told["optiq"]["plan"]["models"] == ["mistral:7b+bare"]
    reply = served.ask(optiq={"max_cost_usd": 1e-12})
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert error["code"] == "no_plan_within_limits"
    assert "mistral:7b+bare" in error["message"]
    assert reply.json()["optiq"]["cheapest"]["plan"]["models"] == ["mistral:7b+bare"]
    assert reply.json()["optiq"]["cheapest"]["predicted"]["cost_usd"] > 1e-12


def test_a_limit_on_cost_caps_the_output(served) -> None:
    served.ask()
    assert "max_tokens" not in served.behaviour.last
    served.ask(optiq={"max_cost_usd": 2.5e-5})
    assert 0 < served.behaviour.last["max_tokens"] < 4096
    served.ask(max_completion_tokens=5, optiq={"max_cost_usd": 2.5e-5})
    assert served.behaviour.last["max_completion_tokens"] == 5
    assert "max_tokens" not in served.behaviour.last


BAD = {
    "no model": ({"messages": [USER]}, 400, "model"),
    "a model that is no text": ({"model": 7, "messages": [USER]}, 400, "model"),
    "an unknown model": ({"model": "nobody:1b", "messages": [USER]}, 404, "model"),
    "an unknown profile": ({"model": "optiq/nobody", "messages": [USER]}, 404, "model"),
    "no messages": ({"model": "optiq"}, 400, "messages"),
    "empty messages": ({"model": "optiq", "messages": []}, 400, "messages"),
    "messages that are text": ({"model": "optiq", "messages": "hello"}, 400, "messages"),
    "a message without a role": ({"model": "optiq", "messages": [{"content": "x"}]}, 400, "messages[0]"),
    "a message that is null": ({"model": "optiq", "messages": [None]}, 400, "messages[0]"),
    "content that is a number": (
        {"model": "optiq", "messages": [{"role": "user", "content": 3}]}, 400, "messages[0].content",
    ),
    "parts without a type": (
        {"model": "optiq", "messages": [{"role": "user", "content": [{"text": "x"}]}]}, 400, "messages[0].content",
    ),
    "stream that is text": ({"model": "optiq", "messages": [USER], "stream": "yes"}, 400, "stream"),
    "a temperature that is text": ({"model": "optiq", "messages": [USER], "temperature": "hot"}, 400, "temperature"),
    "n that is true": ({"model": "optiq", "messages": [USER], "n": True}, 400, "n"),
    "max_tokens that is text": ({"model": "optiq", "messages": [USER], "max_tokens": "9"}, 400, "max_tokens"),
    **{
        f"{name} of {value}": ({"model": "optiq", "messages": [USER], name: value}, 400, name)
        for name, value in (
            ("max_tokens", 0), ("max_tokens", -1), ("max_tokens", 2.5), ("max_completion_tokens", 0),
            ("n", 0), ("n", -2), ("top_logprobs", -1), ("seed", 0.5),
        )
    },
    "a role that nobody has": (
        {"model": "optiq", "messages": [USER, {"role": "assitant", "content": "x"}]}, 400, "messages[1].role",
    ),
    "limits that are a list": ({"model": "optiq", "messages": [USER], "optiq": [1]}, 400, "optiq"),
    "an unknown limit": ({"model": "optiq", "messages": [USER], "optiq": {"max_price": 1}}, 400, "optiq"),
    "a limit below 0": ({"model": "optiq", "messages": [USER], "optiq": {"max_cost_usd": -1}}, 400, "optiq"),
    "a limit that is text": ({"model": "optiq", "messages": [USER], "optiq": {"min_qoa": "high"}}, 400, "optiq"),
    "a floor above 1": ({"model": "optiq", "messages": [USER], "optiq": {"min_qoa": 60}}, 400, "optiq"),
    "a store that is none": ({"model": "optiq", "messages": [USER], "optiq": {"store": "all"}}, 400, "optiq"),
    "a topic that is a number": ({"model": "optiq", "messages": [USER], "optiq": {"topic": 3}}, 400, "optiq"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "status", "param"), BAD.values(), ids=BAD)
def test_bad_requests_are_told_what_is_wrong(served, body, status, param) -> None:
    asked = sum(served.behaviour.asked.values())
    reply = served.client.post("/v1/chat/completions", json=body)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (status, param), error
    assert error["message"]
    assert error["type"] == "invalid_request_error"
    assert sum(served.behaviour.asked.values()) == asked


NO_CAPS = [
    ("/v1/chat/completions", {"messages": [USER]}, "max_tokens"),
    ("/v1/chat/completions", {"messages": [USER]}, "max_completion_tokens"),
    ("/v1/completions", {"prompt": "Once"}, "max_tokens"),
    ("/v1/responses", {"input": "Once"}, "max_output_tokens"),
    ("/api/chat", {"messages": [USER]}, "num_predict"),
    ("/api/generate", {"prompt": "Once"}, "num_predict"),
]


@pytest.mark.parametrize("value", [0, -1, -3, 2.5, True, "9"])
@pytest.mark.parametrize(
    ("path", "body", "name"), NO_CAPS, ids=[f"{path} {name}" for path, _, name in NO_CAPS]
)
def test_a_cap_on_the_output_is_a_whole_number_from_1_up_in_every_dialect(
    served, path, body, name, value
) -> None:
    """A cap of 0 was once taken for none, which took half a minute and cost a hundred times as much."""
    ollama = name == "num_predict"
    asked = {"options": {name: value}} if ollama else {name: value}
    before = sum(served.behaviour.asked.values())
    reply = served.client.post(path, json={"model": "optiq", **body, **asked, "stream": False})
    if ollama and value == -1:  # Ollama's own word for no cap
        assert reply.status_code == 200
        assert not {"max_tokens", "num_predict"} & served.behaviour.last.keys()
        assert "options" not in served.behaviour.last
        return
    assert reply.status_code == 400
    assert f"{name} is {str(value)!r}: Give a whole number of at least 1" in _said(reply).replace(
        ". Give", ": Give"
    )
    assert sum(served.behaviour.asked.values()) == before


def _said(reply) -> str:
    error = reply.json()["error"]
    return error if isinstance(error, str) else error["message"]


@pytest.mark.parametrize("value", [-1, -2])
def test_where_ollama_asks_for_no_cap_the_limits_cap_all_the_same(served, value) -> None:
    wishes = {"optiq": {"max_cost_usd": 2.5e-5}, "options": {"num_predict": value}, "stream": False}
    assert (
        served.client.post("/api/chat", json={"model": "optiq", "messages": [USER], **wishes}).status_code
        == 200
    )
    assert 0 < served.behaviour.last["max_tokens"] < 4096


ROLES_OF = [
    ("/v1/chat/completions", "messages", "messages[0].role"),
    ("/v1/responses", "input", "input[0].role"),
    ("/api/chat", "messages", None),
]


@pytest.mark.parametrize(("path", "field", "param"), ROLES_OF, ids=[path for path, *_ in ROLES_OF])
def test_a_role_that_nobody_has_is_refused_and_the_known_ones_are_named(served, path, field, param) -> None:
    reply = served.client.post(path, json={"model": "optiq", field: [{"role": "wizard", "content": "x"}]})
    assert reply.status_code == 400
    said = _said(reply)
    assert "'wizard'" in said
    assert "system, developer, user, assistant, tool" in said
    if param is not None:
        assert reply.json()["error"]["param"] == param


@pytest.mark.parametrize(
    "header", ["x-optiq-max-cost", "X-Optiq-Max-Latency", "x-optiq-min-quality", "x-optiq-plan", "x-optiq-"]
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat", "/v1/completions", "/v1/embeddings"])
def test_a_header_that_is_spelt_otherwise_is_no_limit_and_is_refused(served, path, header) -> None:
    before = sum(served.behaviour.asked.values())
    body = {"model": "phi4:14b", "messages": [USER], "prompt": "Once", "echo": True, "input": "x"}
    reply = served.client.post(path, json=body, headers={header: "0.1"})
    assert reply.status_code == 400
    assert header.lower() in _said(reply)
    assert "x-optiq-max-cost-usd, x-optiq-max-latency-s" in _said(reply)
    assert sum(served.behaviour.asked.values()) == before


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings"])
@pytest.mark.parametrize("by", ["field", "header"])
def test_what_is_passed_on_keeps_no_limit_and_says_so(served, path, by) -> None:
    body = {"model": "phi4:14b", "prompt": "Once", "echo": True, "input": "x"}
    limits = {"json": {**body, "optiq": {"max_cost_usd": 1}}} if by == "field" else {
        "json": body, "headers": {"x-optiq-max-cost-usd": "1"}
    }  # fmt: skip
    reply = served.client.post(path, **limits)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "optiq")


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"null", b'"optiq"', b'{"model": "optiq"', b"\xff\xfe", b'{"model": NaN}'),
        b"[" * 100_000,
        b'{"a": ' * 5000,
    ],
)
def test_what_is_no_json_object(served, raw) -> None:
    reply = served.client.post("/v1/chat/completions", content=raw)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")


def test_half_a_character_is_no_character(served) -> None:
    raw = b'{"model": "optiq", "messages": [{"role": "user", "content": "Is \\ud83d one?"}]}'
    reply = served.client.post("/v1/chat/completions", content=raw)
    assert reply.status_code == 200
    assert served.behaviour.last["messages"][0]["content"] == "Is \N{REPLACEMENT CHARACTER} one?"


def test_a_prompt_of_two_megabytes(served) -> None:
    text = "A long story. " * 150_000
    reply = served.ask(f"{text}\nWhat is it about?")
    assert reply.status_code == 200
    assert served.behaviour.last["messages"][0]["content"].startswith(text[:50])
    assert len(served.behaviour.last["messages"][0]["content"]) > 2_000_000
    refused = served.ask("x" * 9_000_000)
    # What is left unread would be taken for the next request: clients are told to open another connection.
    assert (refused.status_code, refused.headers["connection"]) == (413, "close")


def test_other_paths_and_methods(served) -> None:
    for reply in (served.client.get("/v1/nothing"), served.client.get("/v1/chat/completions")):
        assert reply.status_code in (404, 405)
        assert reply.json()["error"]["code"] == "not_served"


def test_what_is_served_is_listed(served) -> None:
    names = [one["id"] for one in served.client.get("/v1/models").json()["data"]]
    assert names == [
        "optiq",
        "optiq/cheap",
        "optiq/fast",
        "optiq/best",
        "gemma3:27b",
        "mistral:7b",
        "phi4:14b",
    ]
    assert served.client.get("/v1/models/optiq/cheap").json()["id"] == "optiq/cheap"
    assert served.client.get("/v1/models/nobody").status_code == 404


def test_features_go_as_single_calls_to_models_that_have_them(served) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    message = {"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}
    body = served.client.post("/v1/chat/completions", json={"model": "optiq", "messages": [message]}).json()
    assert body["optiq"]["plan"]["models"] == ["phi4:14b+bare"]  # configured to see
    assert served.behaviour.last["messages"] == [message]
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    spoken = {"role": "user", "content": [sound]}
    reply = served.client.post("/v1/chat/completions", json={"model": "optiq", "messages": [spoken]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "feature_not_available")
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    body = served.ask(tools=tools, n=2, logprobs=True).json()
    assert len(body["optiq"]["plan"]["models"]) == 1
    assert (served.behaviour.last["tools"], served.behaviour.last["n"]) == (tools, 2)
    # a served model's own name is nobody's plan: its server says what it lacks
    named = served.client.post("/v1/chat/completions", json={"model": "mistral:7b", "messages": [spoken]})
    assert named.status_code == 200


def test_text_completions(served) -> None:
    body = served.client.post(
        "/v1/completions", json={"model": "optiq", "prompt": "Once", "max_tokens": 9}
    ).json()
    assert body["object"] == "text_completion"
    assert body["choices"][0]["text"].startswith("w")
    assert served.behaviour.last["messages"] == [{"role": "user", "content": "Once"}]
    for wrong in ({"prompt": ""}, {"prompt": {}}):
        assert served.client.post("/v1/completions", json={"model": "optiq", **wrong}).status_code == 400


RAW = [
    {"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"prompt": [[1, 2], [3]]}, {"echo": True}, {"suffix": "."},
    {"logprobs": 0}, {"best_of": 2, "n": 2},
]  # fmt: skip


@pytest.mark.parametrize("asked", RAW, ids=str)
def test_what_only_raw_completions_have_goes_to_a_served_model_as_it_is_and_to_no_plan(served, asked) -> None:
    body = {"prompt": "Once", "max_tokens": 9, **asked}
    reply = served.client.post("/v1/completions", json={"model": "phi4:14b", **body})
    assert reply.json()["object"] == "text_completion"
    assert served.behaviour.last == {"model": "phi4:14b", **body}
    refused = served.client.post("/v1/completions", json={"model": "optiq", **body})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, next(iter(asked)))


@pytest.mark.parametrize("wanted", [True, False], ids=["usage", "no usage"])
def test_raw_completions_stream_as_their_server_sends_them(served, wanted) -> None:
    body = {"model": "phi4:14b", "prompt": ["Once", "Twice"], "max_tokens": 9, "echo": True}
    whole = served.client.post("/v1/completions", json=body).json()
    options = {"stream_options": {"include_usage": True}} if wanted else {}
    *chunks, done = served.events("/v1/completions", **body, **options)
    assert done == "[DONE]"
    # The usage is always asked for, as it is what is spent; only who asks is told.
    assert served.behaviour.last["stream_options"] == {"include_usage": True}
    assert [chunk["usage"] for chunk in chunks if not chunk["choices"]] == [whole["usage"]] * wanted
    texts = ["", ""]
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        texts[choice["index"]] += choice["text"]
    assert [text.strip() for text in texts] == [choice["text"] for choice in whole["choices"]]
    assert {chunk["object"] for chunk in chunks} == {"text_completion"}


@pytest.mark.parametrize("options", ["include_usage", ["include_usage"], 1])
def test_options_of_a_raw_stream_that_are_none_are_refused_before_a_call(served, options) -> None:
    last = served.behaviour.last
    body = {"model": "phi4:14b", "prompt": ["Once"], "echo": True, "stream": True, "stream_options": options}
    refused = served.client.post("/v1/completions", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "stream_options")
    assert served.behaviour.last is last


def test_defaults_of_raw_completions_are_no_wishes(served) -> None:
    body = {"prompt": ["Once"], "echo": False, "suffix": None, "logprobs": None, "best_of": 1, "n": 1}
    assert served.client.post("/v1/completions", json={"model": "optiq", **body}).status_code == 200


def test_responses(served) -> None:
    asked = {"model": "optiq", "instructions": "Be brief.", "max_output_tokens": 9}
    given = [{"role": "user", "content": [{"type": "input_text", "text": "Norway?"}]}]
    body = served.client.post("/v1/responses", json={**asked, "input": given}).json()
    assert (body["object"], body["status"]) == ("response", "completed")
    assert body["output"][0]["content"][0]["text"].startswith("w")
    assert body["usage"]["total_tokens"] > 0
    sent = served.behaviour.last
    assert [one["role"] for one in sent["messages"]] == ["system", "user"]
    assert sent["max_tokens"] == 9
    for wrong in (
        {"input": ""},
        {"input": "x", "previous_response_id": "r"},
        {"input": [{"type": "item_reference"}]},
    ):
        assert served.client.post("/v1/responses", json={"model": "optiq", **wrong}).status_code == 400


def test_ollama_dialect(served) -> None:
    tags = served.client.get("/api/tags").json()["models"]
    assert tags[0]["model"] == "optiq"
    assert served.client.post("/api/show", json={"model": "optiq"}).json()["model_info"]["optiq.pool"]
    asked = {"model": "optiq", "messages": [USER], "options": {"num_predict": 5, "num_ctx": 99}}
    body = served.client.post("/api/chat", json={**asked, "stream": False}).json()
    assert body["done"] is True
    assert body["message"]["content"].startswith("w")
    assert body["eval_count"] > 0
    assert (served.behaviour.last["max_tokens"], served.behaviour.last["options"]) == (5, {"num_ctx": 99})
    with served.client.stream("POST", "/api/chat", json=asked) as reply:
        lines = [json.loads(line) for line in reply.iter_lines()]
    assert "".join(line["message"]["content"] for line in lines) == body["message"]["content"]
    assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["optiq"]["execution_id"]
    with served.client.stream(
        "POST", "/api/generate", json={"model": "optiq", "prompt": USER["content"]}
    ) as reply:
        lines = [json.loads(line) for line in reply.iter_lines()]
    assert "".join(line["response"] for line in lines) == body["message"]["content"]
    reply = served.client.post("/api/chat", json={"model": "nobody", "messages": [USER]})
    assert (reply.status_code, "no model" in reply.json()["error"]) == (404, True)
    assert served.client.post("/api/generate", json={"model": "optiq", "prompt": ""}).status_code == 400


def test_only_this_machine_is_answered_without_keys(served) -> None:
    body = {"model": "optiq", "messages": [USER]}
    for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
        reply = served.client.post("/v1/chat/completions", json=body, headers=headers)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "not_local")
    assert served.client.get("/metrics", headers={"origin": "https://evil.example"}).status_code == 403


def test_embeddings_are_passed_on(served) -> None:
    reply = served.client.post("/v1/embeddings", json={"model": "phi4:14b", "input": "x"})
    assert reply.status_code == 200
    assert reply.json()["data"][0]["embedding"]


def test_metrics_and_health(served) -> None:
    served.ask()
    page = served.client.get("/metrics").text
    for name in ("optiq_requests_total", "optiq_plans_total", "optiq_spend_usd_total", "optiq_request_seconds_bucket",
                 "optiq_requests_in_flight", "optiq_refusals_total"):  # fmt: skip
        assert name in page
    assert served.client.get("/healthz").text == "ok\n"
    assert served.client.get("/readyz").status_code == 200
