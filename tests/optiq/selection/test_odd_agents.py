"""Agents that do what is not foreseen: what they call is seen and paid for, and the other runs are as they were."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import queue
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "third_party_clients"))
from many_dialects import Server

from optiq.selection.api import ModelSelector
from optiq.selection.runtime import Limits

DATA = [{"question": f"Say word{number}", "reference": f"word{number}"} for number in range(4)]
PRICES = {"gpt-4o": (1e6, 1e6), "gpt-4o-mini": (1e6, 1e6)}  # 1 USD a token, 12 a call
NAMES = list(PRICES)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server().serving() as running:
        yield running


def select(agent: Any, models: dict[str, list[str]] | None = None, **more: Any) -> tuple[Any, list[Any]]:
    runs: list[Any] = []
    selector = ModelSelector(
        agent, models or {"solver": NAMES}, DATA, method="brute-force", prices=more.pop("prices", PRICES),
        limits=Limits(2, 2, 4, 600), on_run=runs.append, **more,
    )  # fmt: skip
    return selector.select(), runs


def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)


def asked(model: str, prompt: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": prompt}]}


def post(url: str, model: str, prompt: str) -> str:
    made = httpx.post(f"{url}/v1/chat/completions", json=asked(model, prompt), timeout=60).json()
    return str(made["choices"][0]["message"]["content"])


def put(url: str, model: str, prompt: str, said: Any) -> None:
    said.send(post(url, model, prompt))


def elsewhere(kind: str, url: str, model: str, prompt: str) -> str:
    """Ask in another process, begun in one way or the other."""
    if kind == "os.fork":
        inside, outside = os.pipe()
        if (child := os.fork()) == 0:
            with suppress(BaseException):
                os.write(outside, post(url, model, prompt).encode())
            os._exit(0)
        os.close(outside)
        with os.fdopen(inside, "rb") as told:
            text = told.read().decode()
        os.waitpid(child, 0)
        return text
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context(kind).Process(target=put, args=(url, model, prompt, there))
    process.start()
    text = here.recv() if here.poll(600) else ""
    process.join()
    return str(text)


@pytest.mark.parametrize("kind", ["os.fork", "fork", "spawn"])
def test_processes_that_an_agent_begins_are_of_its_run(server: Server, kind: str) -> None:
    def run(row: dict[str, Any], models: dict[str, str]) -> str:
        return elsewhere(kind, server.url, models["solver"], row["question"])

    server.asked.clear()
    result, runs = select(run, {"solver": NAMES[:1]})
    assert result.evidence.accuracy.tolist() == [1.0]
    assert [[call.role for call in ran.made.calls] for ran in runs] == [["solver"]] * 4
    assert result.evidence.mean_cost_usd.tolist() == [12.0]
    assert len(server.asked) == 4


def test_an_agent_that_swallows_everything_has_no_answer(server: Server) -> None:
    def run(row: dict[str, Any], models: dict[str, str]) -> str | None:
        try:
            said = post(server.url, models["solver"], row["question"])
            raise KeyboardInterrupt(said) if models["solver"] == "gpt-4o" else ValueError(said)
        except BaseException:
            return None if models["solver"] == "gpt-4o" else "all is well"

    result, _ = select(run)
    assert result.evidence.accuracy.tolist() == [0.0, 0.0]
    assert result.evidence.failed.sum(axis=1).tolist() == [4, 0]
    assert result.about["run"]["errors"] == {"returned None": 4}
    assert result.evidence.mean_cost_usd.tolist() == [12.0, 12.0], "what was called was paid"


def test_a_client_that_is_kept_from_another_combination_is_overridden_or_told(server: Server) -> None:
    kept: dict[str, str] = {}

    class Agent:
        """Keeps the name that it was given first, as plain text, for all that come after it."""

        def __init__(self, models: dict[str, str]) -> None:
            for role, model in models.items():
                kept.setdefault(role, "".join(model))

        def run(self, row: dict[str, Any]) -> str:
            post(server.url, kept["planner"], f"Plan: {row['question']}")
            return post(server.url, kept["solver"], row["question"])

    result, runs = select(Agent, {"planner": NAMES, "solver": NAMES})
    strangers = sum(result.about["run"]["strangers"].values())
    wrong = 0
    for ran in runs:
        own = result.problem.space.combinations[ran.run.combination]
        wrong += any(call.model not in own for call in ran.made.calls)
    assert len(runs) == 16
    assert strangers == wrong > 0, "a run that did not ask its own models is told as such"


def test_a_base_url_that_changes_is_another_server(server: Server) -> None:
    """The same request at two servers has two answers: neither is taken for the other's."""
    with Server().serving() as other:
        both = client(server)

        def run(row: dict[str, Any], models: dict[str, str]) -> str:
            first = both.chat.completions.create(**asked(models["solver"], row["question"]))  # type: ignore[call-overload]
            moved = both.with_options(base_url=f"{other.url}/v1")
            second = moved.chat.completions.create(**asked(models["solver"], row["question"]))  # type: ignore[call-overload]
            assert first.choices[0].message.content == second.choices[0].message.content
            return str(second.choices[0].message.content)

        server.asked.clear()
        result, runs = select(run)
        assert (len(server.asked), len(other.asked)) == (8, 8)
        assert [len(ran.made.calls) for ran in runs] == [2] * 8
        assert result.evidence.mean_cost_usd.tolist() == [24.0, 24.0]
        assert result.evidence.accuracy.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("how", ["closed", "dropped", "held"])
def test_a_stream_that_is_not_read_to_its_end_is_paid_whole(server: Server, how: str) -> None:
    held: list[Any] = []

    def run(row: dict[str, Any], models: dict[str, str]) -> str:
        stream = client(server).chat.completions.create(
            **asked(models["solver"], row["question"]), stream=True
        )  # type: ignore[call-overload]
        first = next(iter(stream)).choices[0].delta.content or ""
        if how == "closed":
            stream.close()
        if how == "held":
            held.append(stream)
        return str(first)

    result, runs = select(run)
    assert [len(ran.made.calls) for ran in runs] == [1] * 8
    assert result.evidence.mean_cost_usd.tolist() == [12.0, 12.0]
    assert result.about["run"]["uncounted_calls"] == 0


@pytest.mark.parametrize("priced", [True, False])
def test_a_model_that_is_no_role_costs_what_it_costs(server: Server, priced: bool) -> None:
    def run(row: dict[str, Any], models: dict[str, str]) -> str:
        post(server.url, "guard", f"May I? {row['question']}")
        return post(server.url, models["solver"], row["question"])

    result, runs = select(run, prices=PRICES | ({"guard": (1e6, 1e6)} if priced else {}))
    assert result.about["run"]["errors"] == {}
    assert {call.role for ran in runs for call in ran.made.calls if call.model == "guard"} == {None}
    assert {call.model for ran in runs for call in ran.made.calls if call.role == "solver"} == set(NAMES)
    costs = result.evidence.mean_cost_usd.tolist()
    assert costs == [24.0, 24.0] if priced else all(cost != cost for cost in costs), "unknown is not free"
    assert result.about["run"]["unpriced_calls"] == (0 if priced else 8)


def test_a_call_that_a_run_does_not_wait_for_is_not_free(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cost is unknown, and a limit counts it at its most."""
    answered, begun = threading.Event(), threading.Semaphore(0)
    send = httpx.HTTPTransport.handle_request

    def slowly(self: Any, request: Any) -> Any:
        begun.release()
        answered.wait(240)
        return send(self, request)

    def run(row: dict[str, Any], models: dict[str, str]) -> str:
        threading.Thread(
            target=post, args=(server.url, models["solver"], row["question"]), daemon=True
        ).start()
        begun.acquire()
        return str(row["question"]).removeprefix("Say ")

    runs: list[Any] = []
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", slowly)
    limits = Limits(1, 1, 8, 600, max_total_cost_usd=1e6)
    selector = ModelSelector(
        run,
        {"solver": NAMES[:1]},
        DATA[:1],
        method="brute-force",
        prices=PRICES,
        limits=limits,
        on_run=runs.append,
    )
    told = selector.select().about["run"]
    answered.set()
    assert [(ran.outcome.score, ran.outcome.cost_usd) for ran in runs] == [(1.0, None)]
    assert told["spent_usd"] > 1024, "the most that it can cost: it set no cap of its own"
    assert told["unseen"] == {"a call without waiting for its answer": 1}


class Endless(dict):
    """Says of itself that it has more and more in it."""

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("not to be looked into")

    def __repr__(self) -> str:
        raise RuntimeError("not to be looked at")


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    "make",
    [
        lambda: "x" * 30_000_000,
        circle,
        Endless,
        threading.Lock,
        lambda: {1: {2}, (3, 4): object()},
        lambda: float("inf"),
    ],
)
def test_objects_that_cannot_be_hashed_written_or_held_are_judged_or_fail_alone(make: Any) -> None:
    def run(row: dict[str, Any], models: dict[str, str]) -> Any:
        return make() if models["solver"] == "gpt-4o" else row["question"].removeprefix("Say ")

    result, runs = select(run)
    assert result.evidence.done.all()
    assert result.evidence.accuracy.tolist() == [0.0, 1.0]
    assert max(len(ran.made.answer or "") for ran in runs) <= 100_000
    json.dumps([ran.made.answer for ran in runs])


def pieces(text: str) -> Iterator[str]:
    yield from (text[:2], text[2:])


class Streams:
    """Ways to give an answer that is not there yet when the agent returns."""

    def __init__(self, url: str, pool: ThreadPoolExecutor) -> None:
        self.url, self.pool = url, pool

    def of(self, row: dict[str, Any], models: dict[str, str]) -> str:
        return post(self.url, models["solver"], row["question"])

    def generator(self, row: dict[str, Any], models: dict[str, str]) -> Iterator[str]:
        yield from pieces(self.of(row, models))

    def returned(self, row: dict[str, Any], models: dict[str, str]) -> Iterator[str]:
        return self.generator(row, models)

    async def asynchronous(self, row: dict[str, Any], models: dict[str, str]) -> AsyncIterator[str]:
        for piece in pieces(await asyncio.to_thread(self.of, row, models)):
            yield piece

    async def awaited_first(self, row: dict[str, Any], models: dict[str, str]) -> AsyncIterator[str]:
        return self.asynchronous(row, models)

    def coroutine(self, row: dict[str, Any], models: dict[str, str]) -> Any:
        return asyncio.to_thread(self.of, row, models)

    def future(self, row: dict[str, Any], models: dict[str, str]) -> Any:
        return self.pool.submit(self.of, row, models)

    async def future_in_loop(self, row: dict[str, Any], models: dict[str, str]) -> Any:
        return self.future(row, models)


WAYS = [name for name in vars(Streams) if name[0] != "_" and name != "of"]


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_comes_piece_by_piece_or_later_is_waited_for_and_its_calls_are_the_runs(
    server: Server, way: str
) -> None:
    with ThreadPoolExecutor(2) as pool:
        result, runs = select(getattr(Streams(server.url, pool), way))
    assert result.evidence.accuracy.tolist() == [1.0, 1.0]
    assert result.evidence.mean_cost_usd.tolist() == [12.0, 12.0]
    assert {ran.made.answer for ran in runs} == {row["reference"] for row in DATA}


@pytest.mark.parametrize(
    ("given", "answer", "error"),
    [
        (["a", "b"], "ab", None),
        ([1, 2], "[1, 2]", None),
        (["a", {}], '["a", {}]', None),
        ([], None, "returned None"),
    ],
)
def test_pieces_of_text_are_put_together_and_others_are_a_list(
    given: list[Any], answer: str | None, error: str | None
) -> None:
    def run(row: dict[str, Any], models: dict[str, str]) -> Iterator[Any]:
        yield from given

    _, runs = select(run, {"solver": NAMES[:1]})
    assert {(ran.made.answer, ran.outcome.error) for ran in runs} == {(answer, error)}


def test_an_answer_without_end_is_given_up(server: Server) -> None:
    ends = threading.Event()

    def run(row: dict[str, Any], models: dict[str, str]) -> Iterator[str]:
        try:
            while True:
                time.sleep(0.01)
                yield "more"
        finally:
            ends.set()

    selector = ModelSelector(run, {"solver": NAMES[:1]}, DATA[:1], limits=Limits(1, 1, 1, 0.5))
    result = selector.select()
    assert result.about["run"]["errors"] == {"no answer within 0.5 s": 1}
    assert ends.wait(60), "it does not go on behind our back"


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not to be asked")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_exception_that_cannot_be_told_is_a_failure_like_any_other(asynchronous: bool) -> None:
    def plain(row: dict[str, Any], models: dict[str, str]) -> str:
        raise Mute

    async def in_loop(row: dict[str, Any], models: dict[str, str]) -> str:
        raise Mute

    result, _ = select(in_loop if asynchronous else plain, {"solver": NAMES[:1]})
    ((error, count),) = result.about["run"]["errors"].items()
    assert error.startswith("Mute: it cannot say why (test_odd_agents.py:")
    assert count == 4


def test_work_of_a_thread_that_another_run_began_keeps_its_model_and_is_nobodys(server: Server) -> None:
    """The thread has the context of who began it: the models of later runs must not become that one's."""
    work: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threads: list[threading.Thread] = []

    def serve() -> None:
        while (taken := work.get()) is not None:
            model, prompt, done = taken
            done.put(post(server.url, model, prompt))

    def run(row: dict[str, Any], models: dict[str, str]) -> str:
        if not threads:
            threads.append(threading.Thread(target=serve, daemon=True))
            threads[0].start()
        done: queue.SimpleQueue[str] = queue.SimpleQueue()
        work.put((models["solver"], row["question"], done))
        return done.get()

    server.asked.clear()
    runs: list[Any] = []
    selector = ModelSelector(
        run, {"solver": NAMES}, DATA, method="brute-force", prices=PRICES, limits=Limits(1, 1, 1, 600),
        on_run=runs.append,
    )  # fmt: skip
    result = selector.select()
    work.put(None)
    assert sorted(model for model, _ in server.asked) == sorted(NAMES * 4), "each run asked its own model"
    assert [len(ran.made.calls) for ran in runs] == [1] + [0] * 7
    assert [ran.outcome.cost_usd for ran in runs] == [12.0] + [None] * 7, "unknown is not free"
    assert result.about["run"]["unseen"] == {"a thread of another run": 7}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_an_answer_that_we_show_has_what_a_response_has(server: Server, stream: bool, kept: bool) -> None:
    """Logging and tracing look at how long a request took, also of one that came from what was kept."""
    took: list[float] = []

    def run(row: dict[str, Any], models: dict[str, str]) -> str:
        for _ in range(1 + kept):
            made = httpx.post(
                f"{server.url}/v1/chat/completions",
                json=asked(models["solver"], row["question"]) | {"stream": stream},
            )
            took.append(made.elapsed.total_seconds())
            assert made.is_closed
        return str(row["question"])

    result, _ = select(run, {"solver": NAMES[:1]})
    assert result.about["run"]["errors"] == {}
    assert len(took) == 4 * (1 + kept)
    assert min(took) > 0


def test_a_metric_that_says_nothing_ends_the_selection_and_keeps_what_was_judged(server: Server) -> None:
    def metric(expected: str, output: str) -> float:
        return float("nan") if expected == "word3" else float(expected == output)

    from optiq.errors import InputError

    with pytest.raises(InputError, match="the metric gave nan on question"):
        select(lambda row, models: post(server.url, models["solver"], row["question"]), metric=metric)
