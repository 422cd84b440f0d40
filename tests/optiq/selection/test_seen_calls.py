"""What is made of calls: whose they are, what they cost where nobody counts, and that a limit holds over all."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "third_party_clients"))
from many_dialects import Server

from optiq.errors import InputError
from optiq.selection.api import ModelSelector
from optiq.selection.patching import patched_once_imported
from optiq.selection.roles import RoleModel, role, wire_name
from optiq.selection.runtime import Limits
from optiq.selection.wire import asked_in, counting, failure_in, is_billed_untold, usage_in, without_counts

DATA = [{"question": f"Say word{number}", "reference": f"word{number}"} for number in range(40)]
PRICES = {"good": (1e6, 1e6), "bad": (1e6, 1e6)}  # 1 USD a token
CLIENT = httpx.Client(verify=False, timeout=60)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server().serving() as running:
        yield running


def select(
    agent: Any, models: dict[str, list[str]], data: Any = DATA[:2], prices: Any = PRICES, **limits: Any
):
    runs: list[Any] = []
    asked = Limits(4, 5, 20, 90, **limits)
    selector = ModelSelector(
        agent, models, data, method="brute-force", prices=prices, limits=asked, on_run=runs.append
    )
    return selector.select(), runs


def ask(url: str, model: str, prompt: str, path: str = "/v1/chat/completions", **more: Any) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
    made = CLIENT.post(url + path, json=body)
    made.raise_for_status()
    return dict(made.json())


@pytest.mark.parametrize("cap", [{}, {"max_tokens": 50}])
def test_streams_that_nobody_counts_keep_to_the_limit_and_are_counted(
    server: Server, cap: dict[str, int]
) -> None:
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)

    async def run(example: dict[str, Any], models: dict[str, str]) -> str:
        asked = [{"role": "user", "content": example["question"]}]
        stream = await client.chat.completions.create(
            model=models["solver"], messages=asked, stream=True, **cap
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    server.asked.clear()
    limit = 1500.0
    result, _ = select(run, {"solver": ["good"]}, DATA, max_total_cost_usd=limit)
    spent = result.about["run"]["spent_usd"]
    assert 12 * len(server.asked) == spent <= limit
    assert spent > 0
    assert all(body["stream_options"] == {"include_usage": True} for _, body in server.asked)


def test_vectors_cost_what_is_read_and_a_model_without_a_price_stops_or_is_the_dearest(
    server: Server,
) -> None:
    def run(example: dict[str, Any], models: dict[str, str]) -> str:
        made = CLIENT.post(
            f"{server.url}/v1/embeddings", json={"model": "vectors", "input": example["question"]}
        )
        assert made.json()["data"]
        return str(ask(server.url, models["solver"], example["question"])["choices"][0]["message"]["content"])

    priced, runs = select(run, {"solver": ["good"]}, prices={**PRICES, "vectors": (1e6, 5e6)})
    assert priced.evidence.mean_cost_usd.tolist() == [10 + 12]
    assert [call.role for call in runs[0].made.recorder.calls] == [None, "solver"]
    stopped, _ = select(run, {"solver": ["good"]}, max_total_cost_usd=1e4)
    assert "no price is known for vectors" in stopped.about["run"]["stopped"]
    counted, _ = select(run, {"solver": ["good"]}, max_total_cost_usd=1e5, unknown_prices="dearest")
    assert counted.about["run"]["spent_usd"] == 2 * (10 + 12)
    assert counted.frame()["cost_usd"].to_list() == [None]  # bounded is not known
    with pytest.raises(InputError, match="unknown prices"):
        Limits(unknown_prices="guess")


def test_what_nobody_tells_is_not_guessed(server: Server) -> None:
    def unclear(example: dict[str, Any], models: dict[str, str]) -> str:
        names = [str.__str__(models[name]) for name in ("planner", "solver")]
        for name in names:
            ask(server.url, name, example["question"])
        return "nothing"

    def said(example: dict[str, Any], models: dict[str, str]) -> str:
        names = [str.__str__(models[name]) for name in ("planner", "solver")]
        for name, own in zip(names, ("planner", "solver"), strict=True):
            with role(own):
                ask(server.url, name, example["question"])
        return "nothing"

    def by_role(example: dict[str, Any], models: dict[str, str]) -> str:
        for own in models:
            ask(server.url, own, example["question"])
        return "nothing"

    def kept(example: dict[str, Any], models: dict[str, str]) -> str:
        ask(server.url, "bad", example["question"])
        return "nothing"

    models = {"planner": ["good"], "solver": ["good"]}
    result, runs = select(unclear, models)
    assert result.about["run"]["unattributed_calls"] == 4
    assert runs[0].outcome.role_cost_usd == (None, None)
    assert runs[0].outcome.cost_usd == 24
    for agent in (said, by_role):
        result, runs = select(agent, models)
        assert [call.role for call in runs[0].made.recorder.calls] == ["planner", "solver"]
        assert runs[0].outcome.role_cost_usd == (12, 12)
    result, _ = select(kept, {"planner": ["good", "bad"], "solver": ["good", "bad"]})
    assert result.about["run"]["strangers"] == {"bad": 2}


def test_the_role_of_a_model_that_a_framework_makes_plain_is_that_of_the_function_it_was_given_to(
    server: Server,
) -> None:
    """Two roles with one model: only the agent's own function still has what it was given."""

    def framework(sent: dict[str, Any]) -> None:
        CLIENT.post(f"{server.url}/v1/chat/completions", content=json.dumps(sent).encode()).raise_for_status()

    def by_argument(name: str, prompt: str) -> None:
        framework({"model": str.__str__(name), "messages": [{"role": "user", "content": prompt}]})

    def by_json(prompt: str, **sent: Any) -> None:
        by_nobody(str.__str__(sent["json"]["model"]), prompt)

    def by_nobody(name: str, prompt: str) -> None:
        framework({"model": name, "messages": [{"role": "user", "content": prompt}]})

    def run(example: dict[str, Any], models: dict[str, str]) -> str:
        one, other = models["planner"], models["solver"]
        by_argument(one, example["question"])
        by_argument(other, example["question"])
        by_json(example["question"], json={"model": other})
        by_nobody(str.__str__(other), example["question"])
        return "nothing"

    _, runs = select(run, {"planner": ["good"], "solver": ["good"]})
    roles = [[call.role for call in ran.made.recorder.calls] for ran in runs]
    assert roles == [["planner", "solver", "solver", None]] * 2


MESSAGES = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("path", "body", "model", "untold"),
    [
        ("/v1/chat/completions", MESSAGES, "m", False),
        ("/v2/chat", MESSAGES, "m", False),
        ("/v1/chat", {"model": "m", "message": "x"}, "m", False),
        ("/v2/embed", {"model": "m", "texts": ["x"]}, "m", False),
        ("/v2/rerank", {"model": "m", "query": "x", "documents": ["y"]}, "m", False),
        ("/v1/messages/count_tokens", MESSAGES, None, False),
        ("/v1/responses/input_tokens", {"model": "m", "input": "x"}, None, False),
        ("/v1/moderations", {"model": "m", "input": "x"}, None, False),
        ("/v1/files", {"model": "m"}, None, False),
        ("/v1/batches", {"input_file_id": "f"}, None, True),
        ("/v1/messages/batches", {"requests": [{"params": MESSAGES}]}, None, True),
        ("/v1/batch/jobs", {"model": "m", "requests": [MESSAGES]}, None, True),
        ("/v1beta/models/m:batchGenerateContent", {"batch": {}}, None, True),
        ("/v1/batches/b/cancel", {}, None, False),
        ("/v1/audio/transcriptions", {}, None, True),
    ],
)
def test_which_requests_ask_a_model_and_which_are_billed_for_what_nobody_sees(
    path: str, body: dict[str, Any], model: str | None, untold: bool
) -> None:
    url = f"https://api.example.com{path}"
    asked = asked_in("POST", url, {}, json.dumps(body).encode())
    assert (None if asked is None else asked.model) == model
    assert is_billed_untold("POST", url) is untold
    assert not is_billed_untold("GET", url)


BILLED = {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 70}}


@pytest.mark.parametrize(
    "answer",
    [
        {"message": {"role": "assistant", "content": [{"type": "text", "text": "so"}]}, "usage": BILLED},
        {"text": "so", "meta": BILLED},
    ],
)
def test_of_two_counts_that_which_is_billed_is_taken(answer: dict[str, Any]) -> None:
    assert usage_in(json.dumps(answer).encode()) == (3, 4, "so")
    delta = {"message": {"content": {"text": "so"}}}
    events = ({"type": "content-delta", "delta": delta}, {"type": "message-end", "delta": {"usage": BILLED}})
    assert usage_in("".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()) == (3, 4, "so")


CHUNK = b'data: {"choices": [{"delta": {"content": "half an ans"}}]}\n\n'


@pytest.mark.parametrize(
    ("content", "failure"),
    [
        (b'{"error": {"message": "no server is left", "code": 502}}', ("no server is left", 502)),
        (b'{"error": {"message": "too long", "code": 400}}', ("too long", 400)),
        (CHUNK + b'data: {"error": {"message": "gone", "code": "server_error"}}\n\n', ("gone", None)),
        (b'event: error\ndata: {"type": "error", "error": {"message": "overloaded"}}\n\n', ("overloaded", None)),
        (b'data: {"type": "response.failed", "response": {"error": {"message": "no"}}}\n\n', ("no", None)),
        (b'{"message": {"content": "half"}}\n{"error": "the runner has ended"}\n', ("the runner has ended", None)),
        (b"  <!DOCTYPE html><p>Log in", ("<!DOCTYPE html><p>Log in", None)),
        (b"", ("nothing", None)),
        (CHUNK, None),
        (b'{"id": "r", "object": "response", "error": null, "output": []}', None),
        (b'{"choices": [{"message": {"content": "say \\"error\\": it is {\\"error\\": 1}"}}]}', None),
        (b"ID3 sound", None),
    ],
)  # fmt: skip
def test_failures_that_come_as_answers(content: bytes, failure: tuple[str, int | None] | None) -> None:
    assert failure_in(content) == failure


@pytest.mark.parametrize(("code", "lost"), [(502, {"provider": 4}), (400, {})])
def test_a_failure_that_comes_as_an_answer_is_no_wrong_answer_and_is_not_kept(
    code: int, lost: dict[str, int]
) -> None:
    """Only what the request itself is to blame for says anything about its model."""
    sent: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        return httpx.Response(200, json={"error": {"message": "not now", "code": code}})

    client = httpx.Client(transport=httpx.MockTransport(reply))

    def run(example: dict[str, Any], models: dict[str, str]) -> str:
        asked = {"model": models["solver"], "messages": [{"role": "user", "content": example["question"]}]}
        for _ in range(2):
            made = client.post("https://router.example.com/v1/chat/completions", json=asked).json()
        return str(made["choices"][0]["message"]["content"])

    result, runs = select(run, {"solver": ["good"]}, DATA[:4])
    assert result.about["run"]["lost"] == lost
    assert len(sent) == 8, "what failed is asked again"
    assert [call.cost_usd for ran in runs for call in ran.made.calls] == [None] * 8


@pytest.mark.parametrize("path", ["/v1/batches", "/generate"])
@pytest.mark.parametrize("asks", [False, True])
def test_what_names_no_model_is_not_free_if_nothing_else_was_asked_or_if_it_is_billed_untold(
    server: Server, path: str, asks: bool
) -> None:
    """A server with one model is asked without its name; a tool is posted to as well."""

    def run(example: dict[str, Any], models: dict[str, str]) -> str:
        with suppress(httpx.HTTPError):  # what this server makes of it is not the point
            CLIENT.post(server.url + path, json={"inputs": example["question"]})
        if asks:
            ask(server.url, models["solver"], example["question"])
        return str(example["question"]).removeprefix("Say ")

    result, _ = select(run, {"solver": ["good"]})
    cost = result.evidence.mean_cost_usd.tolist()
    assert cost == [12] if asks else cost[0] != cost[0], "unknown is not free"
    place = server.url.removeprefix("http://")
    told = {place: 2} if path == "/v1/batches" or not asks else {}
    assert result.about["run"]["unseen"] == told


def test_a_response_that_is_written_in_the_background_is_told(server: Server) -> None:
    """What it will have used is not in the answer that says it was begun."""

    def run(example: dict[str, Any], models: dict[str, str]) -> str:
        asked = {"model": models["solver"], "input": example["question"], "background": True}
        CLIENT.post(f"{server.url}/v1/responses", json=asked).raise_for_status()
        return "later"

    result, _ = select(run, {"solver": ["good"]})
    assert result.about["run"]["unseen"] == {server.url.removeprefix("http://"): 2}


def test_a_library_that_is_imported_in_a_run_is_patched_as_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "comes_later.py").write_text("def said():\n    return 'theirs'\n")
    monkeypatch.syspath_prepend(tmp_path)
    wanted = {"comes_later": lambda module: [(module, "said", lambda original: lambda: f"not {original()}")]}
    with patched_once_imported(wanted):
        assert "comes_later" not in sys.modules
        module = importlib.import_module("comes_later")
        assert module.said() == "not theirs"
    assert module.said() == "theirs"
    with patched_once_imported(wanted):
        assert module.said() == "not theirs"
    del sys.modules["comes_later"]
    with patched_once_imported(wanted):
        pass
    assert importlib.import_module("comes_later").said() == "theirs"


def test_names_on_the_wire() -> None:
    candidates = frozenset({"openai/good", "openai/bad"})
    assert wire_name("good", "openai/good", candidates) == "good"
    assert wire_name("good", "openai/bad", candidates) == "bad"
    assert wire_name("planner", "openai/bad", candidates) == "openai/bad"
    name = RoleModel("openai/good", "planner")
    assert name == "openai/good"
    assert json.dumps({"model": name}) == '{"model": "openai/good"}'
    assert name.split("/", 1)[1].role == ("x/" + name).role == str(name).role == "planner"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_counts_that_were_asked_for_are_taken_out_again(end: str) -> None:
    chunk = {"choices": [{"delta": {"content": "so"}}], "usage": None}
    last = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    lines = [f"data: {json.dumps(item)}{end}{end}" for item in (chunk, last)]
    sent = ("".join(lines) + f"data: [DONE]{end}{end}").encode()
    assert usage_in(sent) == (3, 4, "so")
    shown = without_counts(sent)
    assert b"usage" not in shown
    assert shown.count(b"data:") == 2
    assert shown.endswith(f"data: [DONE]{end}{end}".encode())
    assert counting({"stream_options": {"a": 1}})["stream_options"] == {"a": 1, "include_usage": True}


class Unhashable:
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("made", [Unhashable(), ["x" * 10**6], {"a": {1, 2}}, b"bytes", float("nan")])
def test_whatever_an_agent_returns_is_judged_or_fails_alone(server: Server, made: Any) -> None:
    result, _ = select(lambda row, models: made, {"solver": ["good"]}, DATA[:1])
    assert result.evidence.done.all()
    assert result.evidence.accuracy.tolist() == [0]
