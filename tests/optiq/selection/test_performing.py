"""How agents are run: clients that runs share, threads that agents make, and whose fault it is when a run fails."""

from __future__ import annotations

import _thread
import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from loopback import Server

from optiq.selection.api import ModelSelector, SelectionInterrupted
from optiq.selection.runtime import Limits

DATA = [{"question": f"Say word{i}", "reference": f"word{i}"} for i in range(10)]
CLIENT = httpx.Client(verify=False, timeout=60)
MODELS = {"planner": ["good", "bad"], "solver": ["good", "bad"]}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server().serving() as running:
        yield running
        running.patience.set()
    OLD_POOL.terminate()


def select(agent: type, models: dict[str, list[str]] = MODELS, timeout_s: float = 90, data: Any = DATA):
    runs: list[Any] = []
    limits = Limits(4, 4, 8, timeout_s)
    selector = ModelSelector(agent, models, data, method="brute-force", limits=limits, on_run=runs.append)
    return selector.select(), runs


def told(model: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": example["question"]}]}


@pytest.mark.parametrize("how", ["awaited", "in a loop of its own"])
def test_a_client_that_all_runs_share_is_of_one_loop(server: Server, how: str) -> None:
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)

    class Awaited:
        def __init__(self, models: dict[str, str]) -> None:
            self.models = models

        async def run(self, example: dict[str, Any]) -> str:
            said = await client.chat.completions.create(**told(self.models["planner"], example))
            said = await client.chat.completions.create(**told(self.models["solver"], example))
            return str(said.choices[0].message.content)

    class Plain(Awaited):
        def run(self, example: dict[str, Any]) -> str:  # type: ignore[override]
            return asyncio.run(super().run(example))

    for _ in range(2):  # a second selection meets the client again
        result, runs = select(Awaited if how == "awaited" else Plain)
        assert result.evidence.accuracy.tolist() == [1, 0, 1, 0]
        assert result.about["run"]["failed"] == 0
        assert result.about["run"]["made_again"] == {}
        assert all(len(ran.made.recorder.calls) == 2 for ran in runs)


POOL, OLD_POOL = ThreadPoolExecutor(2), ThreadPool(2)


def in_thread(ask: Callable[[], str]) -> str:
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(ask()))
    thread.start()
    thread.join()
    return said[0]


@pytest.mark.parametrize(
    "hand_over",
    [
        in_thread,
        lambda ask: POOL.submit(ask).result(),
        lambda ask: next(iter(POOL.map(lambda _: ask(), [0]))),
        lambda ask: OLD_POOL.apply(ask),
        lambda ask: OLD_POOL.map(lambda _: ask(), [0])[0],
        lambda ask: next(iter(OLD_POOL.imap(lambda _: ask(), [0]))),
        lambda ask: asyncio.run(asyncio.to_thread(ask)),
    ],
)
def test_calls_in_threads_belong_to_the_run_that_asked_for_them(server: Server, hand_over: Any) -> None:
    class Handing:
        def __init__(self, models: dict[str, str]) -> None:
            self.model = models["solver"]

        def run(self, example: dict[str, Any]) -> str:
            return str(hand_over(lambda: self.ask(example)))

        def ask(self, example: dict[str, Any]) -> str:
            made = CLIENT.post(f"{server.url}/v1/chat/completions", json=told(self.model, example))
            return str(made.json()["choices"][0]["message"]["content"])

    result, runs = select(Handing, {"solver": ["good", "bad"]}, data=DATA[:3])
    assert result.evidence.accuracy.tolist() == [1, 0]
    for ran in runs:
        [call] = ran.made.recorder.calls
        assert call.model == result.problem.space.assignment(ran.run.combination)["solver"]


def test_nothing_is_carried_outside(server: Server) -> None:
    before = threading.Thread.start, ThreadPoolExecutor.submit, asyncio.run
    test_calls_in_threads_belong_to_the_run_that_asked_for_them(server, in_thread)
    assert (threading.Thread.start, ThreadPoolExecutor.submit, asyncio.run) == before


class Failing:
    """Fails as its model says; some swallow that."""

    url = ""

    def __init__(self, models: dict[str, str]) -> None:
        self.how = models["solver"].partition("#")[0]

    def run(self, example: dict[str, Any]) -> str:
        answer = example["question"].removeprefix("Say ")
        try:
            made = CLIENT.post(f"{self.url}/v1/chat/completions", json=told(self.how, example))
            made.raise_for_status()
        except httpx.HTTPError:
            if self.how != "overloaded, swallowed":
                raise
        if self.how == "elsewhere":
            CLIENT.post("http://127.0.0.1:9/v1/chat/completions", json=told("elsewhere", example))
        if self.how == "raises":
            raise ValueError("no idea")
        return answer


def test_a_run_that_failed_for_its_provider_is_no_wrong_answer(server: Server) -> None:
    how = ["good", "overloaded", "overloaded, swallowed", "elsewhere", "raises", "too long"]
    result, _ = select(type("Of", (Failing,), {"url": server.url}), {"solver": how})
    assert result.best == {"solver": "good"}
    standing = dict(result.frame().select("role_solver", "standing").rows())
    assert standing["overloaded, swallowed"] == "every run failed"
    assert result.evidence.lost.sum(axis=1).tolist() == [0, 10, 10, 10, 0, 0]
    assert result.evidence.failed.sum(axis=1).tolist() == [0, 10, 10, 10, 10, 10]
    assert result.about["run"]["lost"] == {"provider": 30}


def test_few_lost_runs_are_not_scored_and_many_are_not_ranked(server: Server) -> None:
    class Now:
        def __init__(self, models: dict[str, str]) -> None:
            self.model = models["solver"]

        def run(self, example: dict[str, Any]) -> str:
            number = int(example["question"].removeprefix("Say word"))
            lost = {"good": 1, "often": 4}[self.model.partition("#")[0]]
            asked = told("overloaded" if number < lost else self.model, example)
            CLIENT.post(f"{server.url}/v1/chat/completions", json=asked).raise_for_status()
            return f"word{number}"

    result, _ = select(Now, {"solver": ["often", "good"]})
    assert result.evidence.accuracy.tolist() == [1, 1]
    assert result.best == {"solver": "good"}
    assert "4 of 10 runs failed" in result.frame()["standing"][1]


def test_what_blocks_the_loop_of_all_keeps_only_itself_from_going_on(server: Server) -> None:
    class Blocking:
        def __init__(self, models: dict[str, str]) -> None:
            self.model = models["solver"].partition("#")[0]

        async def run(self, example: dict[str, Any]) -> str:
            if self.model == "sleeps" and example["question"] == "Say word0":
                time.sleep(20)
            await asyncio.sleep(0.01)
            return str(example["question"]).removeprefix("Say ")

    result, _ = select(Blocking, {"solver": ["sleeps", "fine"]}, timeout_s=3, data=DATA[:4])
    assert result.evidence.failed.tolist() == [[True, False, False, False], [False] * 4]
    assert set(result.about["run"]["made_again"]) <= {"another run did not let go of the event loop"}


def test_an_agent_that_calls_models_so_that_its_loop_waits_is_run_in_threads(server: Server) -> None:
    class Waiting(Failing):
        url = server.url

        async def run(self, example: dict[str, Any]) -> str:  # type: ignore[override]
            return super().run(example)

    result, _ = select(Waiting, {"solver": ["good"]})
    assert result.evidence.accuracy.tolist() == [1]


def test_an_async_agent_that_swallows_its_end_is_left_behind(server: Server) -> None:
    class Stubborn:
        def __init__(self, models: dict[str, str]) -> None:
            self.model = models["solver"]

        async def run(self, example: dict[str, Any]) -> str:
            while True:
                try:
                    async with httpx.AsyncClient(verify=False, timeout=60) as client:
                        body = told(self.model, {"question": "slowly. Say no"})
                        await client.post(f"{server.url}/v1/chat/completions", json=body)
                except BaseException:
                    continue

    result, _ = select(Stubborn, {"solver": ["good"]}, timeout_s=2, data=DATA[:2])
    assert result.evidence.failed.all()
    server.patience.set()
    test_a_client_that_all_runs_share_is_of_one_loop(server, "awaited")  # the loop is still everybody's


SEEN: ContextVar[str] = ContextVar("seen", default="nothing")


async def equal_soon(expected: str, output: str) -> float:
    await asyncio.sleep(0)
    return float(expected == output)


def equal_in_a_loop_of_its_own(expected: str, output: str) -> float:
    return asyncio.run(equal_soon(expected, output))


def equal_after_a_while(expected: str, output: str) -> float:
    time.sleep(0.02)
    return float(expected == output)


@pytest.mark.parametrize("metric", [equal_soon, equal_in_a_loop_of_its_own, equal_after_a_while])
def test_async_runs_are_apart_and_any_metric_judges_them(metric: Callable[..., Any]) -> None:
    class Own:
        """What it sets is its own, whoever ran before it; its tasks are of no other run."""

        def __init__(self, models: dict[str, str]) -> None:
            self.model = models["solver"]

        async def run(self, example: dict[str, Any]) -> str:
            found = SEEN.get()
            SEEN.set(str(example["question"]))
            await asyncio.sleep(0.001)
            right = found == "nothing" and SEEN.get() == example["question"]
            if self.model == "cancels" and example["question"] == "Say word1":
                asyncio.current_task().cancel()  # type: ignore[union-attr]
                await asyncio.sleep(0)
            return str(example["question"]).removeprefix("Say ") if right else "not apart"

    limits = Limits(4, 4, 8, 60)
    models = {"solver": ["cancels", "fine"]}
    result = ModelSelector(Own, models, DATA * 3, metric, method="brute-force", limits=limits).select()
    assert result.evidence.accuracy.tolist() == [0.9, 1.0]
    assert list(result.about["run"]["errors"]) == ["CancelledError: the agent cancelled itself"]


def test_async_runs_take_no_threads() -> None:
    at_once: list[int] = []

    class Many:
        def __init__(self, models: dict[str, str]) -> None:
            pass

        async def run(self, example: dict[str, Any]) -> str:
            await asyncio.sleep(0.01)
            at_once.append(threading.active_count())
            return str(example["question"]).removeprefix("Say ")

    before = threading.active_count()
    result = ModelSelector(
        Many, {"solver": ["good"]}, DATA * 10, method="brute-force", limits=Limits(8, 8, 8, 60)
    ).select()
    assert result.evidence.accuracy.tolist() == [1]
    assert max(at_once) < before + 32, "64 runs are in progress"


@pytest.mark.parametrize("after", [0, 7, 39])
def test_ctrl_c_in_the_middle_of_async_runs_keeps_what_is_done(after: int, tmp_path: Path) -> None:
    begun: list[str] = []

    class Interrupting:
        def __init__(self, models: dict[str, str]) -> None:
            pass

        async def run(self, example: dict[str, Any]) -> str:
            begun.append(example["question"])
            if len(begun) == after + 1:
                _thread.interrupt_main()
            await asyncio.sleep(0.01)
            return str(example["question"]).removeprefix("Say ")

    data = [{"question": f"Say word{i}", "reference": f"word{i}"} for i in range(20)]

    def selection() -> ModelSelector:
        store, limits = tmp_path / "kept.sqlite", Limits(2, 2, 4, 60)
        return ModelSelector(
            Interrupting, {"solver": ["good", "bad"]}, data, method="brute-force", store=store, limits=limits
        )

    with pytest.raises(SelectionInterrupted) as stopped:
        selection().select()
    done = stopped.value.result.evidence.runs
    again = selection().select()
    assert again.finished
    assert again.about["run"]["reused"] >= done
    assert again.about["run"]["reused"] + again.about["run"]["runs"] == 40


@pytest.mark.parametrize("how", ["hangs", "blocks"])
def test_ctrl_c_leaves_an_async_agent_behind_that_does_not_end(how: str) -> None:
    class Endless:
        def __init__(self, models: dict[str, str]) -> None:
            pass

        async def run(self, example: dict[str, Any]) -> str:
            _thread.interrupt_main()
            if how == "blocks":
                time.sleep(5)
            await asyncio.sleep(600)
            return "late"

    with pytest.raises(SelectionInterrupted) as stopped:
        ModelSelector(
            Endless, {"solver": ["good"]}, DATA, method="brute-force", limits=Limits(1, 1, 4, 900)
        ).select()
    assert stopped.value.result.evidence.runs == 0
