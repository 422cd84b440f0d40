"""What is made of calls: whose they are, what they cost where nobody counts, and that a limit holds over all."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "third_party_clients"))
from many_dialects import Server

from optiq.errors import InputError
from optiq.selection.api import ModelSelector
from optiq.selection.roles import RoleModel, role, wire_name
from optiq.selection.runtime import Limits
from optiq.selection.wire import counting, usage_in, without_counts

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
