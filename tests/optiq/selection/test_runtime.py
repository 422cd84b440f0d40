"""Agents as users write them, on every client: calls are seen, attributed, overridden, kept and bounded."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from loopback import Server

from optiq.errors import InputError
from optiq.selection.api import ModelSelector
from optiq.selection.objective import Objective
from optiq.selection.runtime import Limits

DATA = [{"question": f"Say word{i}", "reference": f"word{i}"} for i in range(6)]
PRICES = {"good": (1e6, 1e6), "bad": (1e5, 1e5)}
MODELS = {"planner": ["good", "bad"], "solver": ["good", "bad"]}
LIMITS = Limits(combinations=2, examples=2, calls=3, timeout_s=90)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server().serving() as running:
        yield running


@pytest.fixture
def url(server: Server) -> str:
    server.requests.clear()
    return server.url


def agent_of(url: str, call: object, asynchronous: bool = False) -> type:
    """An agent with a planner and a solver on one kind of client."""

    class Agent:
        def __init__(self, models: dict[str, str]) -> None:
            self.models = models

        def run(self, example: dict) -> str:
            assert "reference" not in example
            plan = call(url, self.models["planner"], f"Plan. {example['question']}")
            return call(url, self.models["solver"], plan if plan.startswith("Say") else f"Say {plan}")

    class AsyncAgent(Agent):
        async def run(self, example: dict) -> str:  # type: ignore[override]
            plan = await call(url, self.models["planner"], f"Plan. {example['question']}")
            return await call(url, self.models["solver"], f"Say {plan}")

    return AsyncAgent if asynchronous else Agent


def with_httpx(url: str, model: str, prompt: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    with httpx.Client(verify=False) as client:
        answer = client.post(f"{url}/v1/chat/completions", json=body)
    answer.raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]


async def with_async_httpx(url: str, model: str, prompt: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    async with httpx.AsyncClient(verify=False) as client:
        return (await client.post(f"{url}/v1/chat/completions", json=body)).json()["choices"][0]["message"][
            "content"
        ]


def with_openai(url: str, model: str, prompt: str) -> str:
    import openai

    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    made = client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])
    return made.choices[0].message.content


async def with_async_openai(url: str, model: str, prompt: str) -> str:
    import openai

    client = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    made = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])
    return made.choices[0].message.content


def with_ollama(url: str, model: str, prompt: str) -> str:
    import ollama

    return (
        ollama.Client(url).chat(model=model, messages=[{"role": "user", "content": prompt}]).message.content
    )


@pytest.mark.parametrize(
    ("call", "asynchronous"),
    [
        (with_httpx, False),
        (with_openai, False),
        (with_ollama, False),
        (with_async_httpx, True),
        (with_async_openai, True),
    ],
)
def test_calls_of_every_client_are_seen_and_overridden(
    server: Server, url: str, call: object, asynchronous: bool
) -> None:
    runs = []
    selector = ModelSelector(
        agent_of(url, call, asynchronous), MODELS, DATA, method="brute-force", prices=PRICES, limits=LIMITS,
        on_run=runs.append,
    )  # fmt: skip
    result = selector.select()
    assert result.best == {"planner": "good", "solver": "good"}
    assert result.evidence.mean_cost_usd[0] == pytest.approx(24)  # 2 calls of 12 tokens at 1 USD
    assert {body["model"] for body in server.requests} == {"good", "bad"}
    for ran in runs:
        assert [call.role for call in ran.made.recorder.calls] == ["planner", "solver"]
        models = result.problem.space.assignment(ran.run.combination)
        assert [call.model for call in ran.made.recorder.calls] == list(models.values())


def test_nothing_is_intercepted_outside(url: str, server: Server) -> None:
    before = httpx.Client.send
    ModelSelector(agent_of(url, with_httpx), MODELS, DATA[:1], limits=LIMITS).select()
    assert httpx.Client.send is before
    with pytest.raises(httpx.HTTPStatusError):
        with_httpx(url, "refused", "Say no")


def test_a_second_selection_calls_nothing_and_keeps_latencies(
    tmp_path: Path, server: Server, url: str
) -> None:
    def select(method: str):
        selector = ModelSelector(
            agent_of(url, with_httpx), MODELS, DATA, method=method, prices=PRICES, limits=LIMITS,
            store=tmp_path / "kept.sqlite",
        )  # fmt: skip
        return selector.select()

    first = select("brute-force")
    made = len(server.requests)
    # The planner's call is the same in two combinations; runs at one time may both have made it.
    assert made <= 2 * 4 * len(DATA)
    again = select("brute-force")
    assert len(server.requests) == made
    assert again.about["run"]["reused"] == 4 * len(DATA)
    assert (again.evidence.latency_s == first.evidence.latency_s).all()


class Troubled:
    """An agent whose planner's model says what goes wrong."""

    def __init__(self, models: dict[str, str]) -> None:
        self.how = models["planner"].partition("#")[0]

    def run(self, example: dict) -> object:
        if self.how == "raises":
            raise ValueError("no idea")
        if self.how == "hangs":
            time.sleep(60)
        if self.how == "exits":
            sys.exit(3)
        print("an agent that prints")
        return None if self.how == "none" else example["question"].removeprefix("Say ")


def test_agents_that_misbehave_have_failed_and_the_others_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    models = {"planner": ["raises", "hangs", "exits", "none", "fine"]}
    limits = Limits(combinations=5, examples=2, calls=2, timeout_s=3)
    result = ModelSelector(Troubled, models, DATA[:2], method="brute-force", limits=limits).select()
    assert result.best == {"planner": "fine"}
    assert result.evidence.failed.sum(axis=1).tolist() == [2, 2, 2, 2, 0]
    assert result.evidence.accuracy.tolist() == [0, 0, 0, 0, 1]
    errors = " ".join(result.about["run"]["errors"])
    for part in ("ValueError: no idea", "no answer within 3 s", "SystemExit", "returned None"):
        assert part in errors
    assert re.search(r"ValueError: no idea \(test_runtime.py:\d+\)", errors)  # where to look
    assert result.frame()["standing"].to_list() == ["chosen"] + ["every run failed"] * 4
    assert result.about["run"]["without_calls"] == 10
    assert result.frame()["cost_usd"].null_count() == 5  # what was called where nobody looks is not free
    assert capsys.readouterr().out == ""  # what it prints does not get between the results


def test_a_refused_model_is_a_failed_run(url: str) -> None:
    models = {"planner": ["good"], "solver": ["good", "refused"]}
    result = ModelSelector(
        agent_of(url, with_httpx), models, DATA, method="brute-force", limits=LIMITS
    ).select()
    assert result.best["solver"] == "good"
    assert result.evidence.failed[1].all()


@pytest.mark.parametrize("value", [float("nan"), 1.5, -0.1, "much"])
def test_a_metric_out_of_range_is_refused(value: object) -> None:
    selector = ModelSelector(Troubled, {"planner": ["fine"]}, DATA[:1], lambda expected, actual: value)
    with pytest.raises(InputError, match="metric"):
        selector.select()


@pytest.mark.parametrize("data", [[], [{"question": "Say it"}]])
def test_no_labelled_example(data: list) -> None:
    with pytest.raises(InputError, match="no example with a reference"):
        ModelSelector(Troubled, {"planner": ["fine"]}, data)


def test_one_example_and_one_combination() -> None:
    result = ModelSelector(Troubled, {"planner": ["fine"]}, DATA[:1]).select()
    assert result.best == {"planner": "fine"}
    assert result.frame()["accuracy_low"][0] < 0.5  # one right answer proves little


def test_the_spending_limit_holds(url: str, server: Server) -> None:
    limits = Limits(2, 2, 2, 10, max_total_cost_usd=310)
    selector = ModelSelector(
        agent_of(url, with_httpx), MODELS, DATA, method="brute-force", prices=PRICES, limits=limits
    )
    result = selector.select()
    assert not result.finished
    assert "spending limit" in result.about["run"]["stopped"]
    assert 0 < result.about["run"]["spent_usd"] <= 310
    with pytest.raises(InputError, match="no price"):
        ModelSelector(Troubled, {"planner": ["fine"]}, DATA, limits=limits)


@pytest.mark.parametrize(
    ("method", "objective"),
    [
        ("brute-force", Objective("cheapest", floor=0.5)),
        ("mixllm", Objective()),
        ("random", Objective(max_cost_usd=1.0)),
    ],
)
def test_costs_of_unpriced_models_are_not_compared(
    url: str, server: Server, method: str, objective: Objective
) -> None:
    def select(prices: dict):
        return ModelSelector(
            agent_of(url, with_httpx),
            MODELS,
            DATA[:2],
            method=method,
            objective=objective,
            prices=prices,
            limits=LIMITS,
        ).select()

    with pytest.raises(InputError, match="no price is known for good, and"):
        select({"bad": (1, 1)})
    assert not server.requests
    if method == "brute-force":
        assert select(PRICES).best == {"planner": "good", "solver": "good"}


def test_an_interrupted_selection_goes_on_where_it_was(tmp_path: Path, url: str, server: Server) -> None:
    class Interrupting:
        seen = 0

        def __init__(self) -> None:
            self.left = 7

        def __call__(self, ran: object) -> None:
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt  # as Ctrl-C would

    def selector(on_run: object) -> ModelSelector:
        return ModelSelector(
            agent_of(url, with_httpx), MODELS, DATA, method="brute-force", limits=Limits(1, 1, 1),
            store=tmp_path / "kept.sqlite", on_run=on_run,
        )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        selector(Interrupting()).select()
    result = selector(None).select()
    assert result.about["run"]["reused"] >= 7
    assert result.evidence.done.all()


def test_results_are_written(tmp_path: Path, url: str) -> None:
    import polars as pl
    import yaml

    result = ModelSelector(
        agent_of(url, with_httpx), MODELS, DATA, method="brute-force", prices=PRICES, limits=LIMITS
    ).select()
    for name in ("table.csv", "table.parquet"):
        result.write_table(tmp_path / name)
    result.write_yaml(tmp_path / "deploy.yaml")
    for name in ("plot.svg", "plot.png"):
        result.write_plot(tmp_path / name)
    assert yaml.safe_load((tmp_path / "deploy.yaml").read_text())["models"] == result.best
    table = pl.read_parquet(tmp_path / "table.parquet")
    assert table["standing"][0] == "chosen"
    assert table.height == 4
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_calls_of_tasks_belong_to_their_run(url: str) -> None:
    class Parallel:
        def __init__(self, models: dict[str, str]) -> None:
            self.models = models

        async def run(self, example: dict) -> str:
            calls = [
                with_async_httpx(url, self.models[r], example["question"]) for r in ("planner", "solver")
            ]
            return (await asyncio.gather(*calls))[0]

    runs = []
    ModelSelector(Parallel, {r: ["good"] for r in MODELS}, DATA, limits=LIMITS, on_run=runs.append).select()
    assert all(len(ran.made.recorder.calls) == 2 for ran in runs)


def test_ctrl_c_ends_at_once_even_if_an_agent_hangs(tmp_path: Path) -> None:
    import _thread

    released = threading.Event()

    class Hanging:
        def __init__(self, models: dict[str, str]) -> None:
            pass

        def run(self, example: dict) -> str:
            if example["question_id"] == "6":
                _thread.interrupt_main()
                released.wait()  # nobody waits for the agent, nor for its time-out
            return example["question"].removeprefix("Say ")

    limits = Limits(combinations=1, examples=3, calls=1, timeout_s=3600)
    selector = ModelSelector(
        Hanging, {"planner": ["a"]}, DATA, method="brute-force", limits=limits, store=tmp_path / "kept.sqlite"
    )
    with pytest.raises(KeyboardInterrupt):
        selector.select()
    released.set()
    assert selector.runtime.progress.failed == 0  # what was called off has not failed
    again = ModelSelector(
        Troubled, {"planner": ["a"]}, DATA, method="brute-force", store=tmp_path / "kept.sqlite"
    )
    assert again.select().evidence.done.all()
