"""What a selection of an agent is billed never exceeds its limit: time-outs, odd counts, refusals, uncapped outputs."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from loopback import Server

from optiq.execution.accounting import TEMPLATE_TOKENS
from optiq.execution.ledger import Ledger
from optiq.selection.api import ModelSelector
from optiq.selection.bill import Bill
from optiq.selection.runtime import Limits
from optiq.selection.wire import asked_in, output_cap, usage_in, with_output_cap
from optiq.statistics.snapshot import ModelFigures

DATA = [{"question": f"Say word{i}", "reference": f"word{i}"} for i in range(25)]
PRICES = {"good": (1e6, 1e6)}  # 1 USD a token
CAP = 10


class Agent:
    """Asks once, for so many tokens at most."""

    url = ""
    cap: int | None = CAP
    prompt = "{question}"

    def __init__(self, models: dict[str, str]) -> None:
        self.model = models["solver"]

    def run(self, example: dict[str, Any]) -> str:
        text = self.prompt.format(**example)
        body: dict[str, Any] = {"model": self.model, "messages": [{"role": "user", "content": text}]}
        if self.cap is not None:
            body["max_tokens"] = self.cap
        with httpx.Client(verify=False, timeout=60) as client:
            answer = client.post(f"{self.url}/v1/chat/completions", json=body)
        answer.raise_for_status()
        return answer.json()["choices"][0]["message"]["content"]


def most_of_a_call(agent: type[Agent]) -> float:
    """USD: a token for each byte asked with, 128 for the template, and the cap."""
    text = agent.prompt.format(question=DATA[-1]["question"])
    asked = {"model": "good", "messages": [{"role": "user", "content": text}], "max_tokens": CAP}
    return len(json.dumps(asked)) + 128 + CAP


def select(
    agent: type[Agent],
    limit: float,
    timeout_s: float = 10,
    ledger: Ledger | None = None,
    data: list[dict[str, str]] = DATA,
):
    limits = Limits(1, 8, 8, timeout_s, max_total_cost_usd=limit)
    selector = ModelSelector(
        agent, {"solver": ["good"]}, data, method="brute-force", prices=PRICES, limits=limits, ledger=ledger
    )
    return selector.select().about["run"]


@pytest.fixture
def server():
    with Server().serving() as running:
        yield running
        running.patience.set()


def agent(server: Server, **more: Any) -> type[Agent]:
    return type("Asking", (Agent,), {"url": server.url, **more})


def test_calls_that_time_out_count_at_their_most(server: Server) -> None:
    """The limit is worth two calls. Each may be billed, so there is no third: not in a rerun either."""
    slow = agent(server, prompt="slowly. {question}")
    limit = 2.2 * most_of_a_call(slow)
    told = select(slow, limit, timeout_s=0.4)
    assert 1 <= len(server.requests) <= 2
    assert "spending limit" in told["stopped"]
    assert told["spent_usd"] <= limit


def test_a_rerun_of_what_timed_out_has_no_money_of_its_own(server: Server, tmp_path: Path) -> None:
    slow = agent(server, prompt="slowly. {question}")
    limit = 2.2 * most_of_a_call(slow)
    for number in range(3):
        gone = {f"p{n}" for n in range(number)}
        ledger = Ledger(
            limit, path=tmp_path / "l", owner=f"p{number}", alive=lambda other, gone=gone: other not in gone
        )
        select(slow, limit, timeout_s=0.4, ledger=ledger)
        ledger.close()
    assert 1 <= len(server.requests) <= 2


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": -1000, "completion_tokens": 2},
        {"prompt_tokens": 10, "completion_tokens": -(10**6)},
        {"prompt_tokens": True, "completion_tokens": None},
        {"prompt_tokens": 0, "completion_tokens": 0},
    ],
)
def test_what_nobody_counts_or_counts_below_nothing_costs_the_most(
    server: Server, usage: dict, monkeypatch
) -> None:
    monkeypatch.setattr(server, "usage", usage)
    asking = agent(server)
    limit = 3.5 * most_of_a_call(asking)
    told = select(asking, limit)
    assert len(server.requests) == 3
    assert 2.5 * most_of_a_call(asking) < told["spent_usd"] <= limit


def test_a_call_without_a_cap_gets_one_while_a_limit_holds(server: Server) -> None:
    asking = agent(server, cap=None)
    told = select(asking, 5000.0, timeout_s=600)
    assert {body["max_completion_tokens"] for body in server.requests} >= {1024}
    assert told["stopped"] is None
    server.requests.clear()
    few = select(asking, 300.0)
    assert all(body["max_completion_tokens"] < 300 for body in server.requests)
    assert 0 < few["spent_usd"] <= 300
    assert "spending limit" in few["stopped"]
    server.requests.clear()
    ModelSelector(asking, {"solver": ["good"]}, DATA[:1], limits=Limits(1, 1, 1)).select()
    assert "max_completion_tokens" not in server.requests[0]


def test_what_a_cap_adds_to_a_request_is_held_as_well() -> None:
    """A server may bill each byte that it was sent, and then lose the answer."""
    url = "http://127.0.0.1:9/v1/chat/completions"
    body = {"model": "m", "messages": [{"role": "user", "content": "Où? " * 20}]}
    compact = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    asked = asked_in("POST", url, {}, compact)
    assert asked is not None
    rates = {"usd_per_prompt_token": 0.001, "usd_per_output_token": 0.01}
    for limit in (20.0, 1.0):  # with money for a roomy cap, and for a tight one
        bill = Bill(Ledger(limit), lambda model: ModelFigures(model=model, **rates))
        charge = bill.try_to_begin(asked, "m", len(compact))
        assert charge is not None
        assert charge.cap is not None
        sent = len(json.dumps(charge.body).encode())
        assert sent > len(compact)
        billed = 0.001 * (sent + TEMPLATE_TOKENS) + 0.01 * charge.cap
        assert billed <= bill.ledger.committed.cost_usd + 1e-9
        assert bill.ledger.committed.cost_usd <= limit


def test_an_answer_that_the_limit_cut_is_no_answer_of_the_agent(
    server: Server, tmp_path: Path, monkeypatch
) -> None:
    """Two output tokens are told, and there is money for two: it may have had more to say."""
    asking = agent(server, cap=None)
    body = {"model": "good", "messages": [{"role": "user", "content": DATA[0]["question"]}]}
    limit = len(json.dumps(body | {"max_completion_tokens": 1024})) + TEMPLATE_TOKENS + 2.5
    store = tmp_path / "kept.sqlite"
    limits = Limits(1, 1, 1, 10, max_total_cost_usd=limit)
    selector = ModelSelector(
        asking,
        {"solver": ["good"]},
        DATA[:2],
        method="brute-force",
        prices=PRICES,
        limits=limits,
        store=store,
    )
    result = selector.select()
    assert [body["max_completion_tokens"] for body in server.requests] == [2]
    assert "spending limit" in result.about["run"]["stopped"]
    assert result.about["run"]["runs"] == 0
    again = ModelSelector(
        asking, {"solver": ["good"]}, DATA[:1], method="brute-force", prices=PRICES, store=store
    ).select()
    assert again.about["run"]["cached_calls"] == 0, "the cut answer was not kept"


def test_a_refusal_and_a_closed_port_cost_nothing(server: Server) -> None:
    models = {"solver": ["refused"]}
    limits = Limits(1, 4, 4, 300, max_total_cost_usd=2.5 * most_of_a_call(Agent))
    told = ModelSelector(
        agent(server), models, DATA, method="brute-force", prices={"refused": (1e6, 1e6)}, limits=limits
    ).select()
    assert len(server.requests) == len(DATA)
    assert told.about["run"]["spent_usd"] == 0
    nobody = type("Nobody", (Agent,), {"url": "http://127.0.0.1:9"})
    assert select(nobody, 1000.0)["spent_usd"] == 0


def test_an_agent_that_swallows_the_refusal_is_stopped_all_the_same(server: Server) -> None:
    class Stubborn(Agent):
        url = server.url

        def run(self, example: dict[str, Any]) -> str:
            said = "nothing"
            for _ in range(30):
                try:
                    said = super().run(example)
                except Exception:
                    time.sleep(0.001)
            return said

    told = select(Stubborn, 2.5 * most_of_a_call(Stubborn))
    assert "leaves" in told["stopped"] or "spending limit" in told["stopped"]
    assert told["spent_usd"] <= 2.5 * most_of_a_call(Stubborn)


def test_money_that_calls_in_flight_hold_is_waited_for(server: Server) -> None:
    """There is room for one call at a time, and one after the other they all fit; in threads and in one loop."""
    asking = agent(server)
    limit = most_of_a_call(asking) + 12 * len(DATA) + 20
    assert select(asking, limit, timeout_s=600)["stopped"] is None
    assert len(server.requests) == len(DATA)

    class Both(Agent):
        url = server.url

        async def run(self, example: dict[str, Any]) -> str:  # type: ignore[override]
            import asyncio

            async def one() -> str:
                body = {"model": self.model, "messages": [{"role": "user", "content": example["question"]}]}
                async with httpx.AsyncClient(verify=False, timeout=60) as client:
                    url = f"{self.url}/v1/chat/completions"
                    made = await client.post(url, json={**body, "max_tokens": CAP})
                return made.json()["choices"][0]["message"]["content"]

            return (await asyncio.gather(one(), one()))[0]

    server.requests.clear()
    limit = most_of_a_call(asking) + 24 * len(DATA) + 20
    assert select(Both, limit, timeout_s=600)["stopped"] is None
    assert len(server.requests) == 2 * len(DATA)


@pytest.mark.parametrize(
    ("path", "body", "cap", "place"),
    [
        ("/v1/chat/completions", {"max_tokens": 7}, 7, ("max_completion_tokens",)),
        (
            "/v1/chat/completions",
            {"max_completion_tokens": 9, "max_tokens": 8},
            8,
            ("max_completion_tokens",),
        ),
        ("/v1/completions", {}, None, ("max_tokens",)),
        ("/v1/responses", {"max_output_tokens": 5}, 5, ("max_output_tokens",)),
        ("/v1/messages", {"max_tokens": 3}, 3, ("max_tokens",)),
        ("/api/chat", {"options": {"num_predict": 4}, "max_tokens": 1}, 4, ("options", "num_predict")),
        ("/api/chat", {"options": {"num_predict": -1}}, None, ("options", "num_predict")),
        ("/api/generate", {"options": None}, None, ("options", "num_predict")),
        ("/v1/chat/completions", {"max_tokens": "12"}, None, ("max_completion_tokens",)),
    ],
)
def test_caps_of_every_dialect(path: str, body: dict, cap: int | None, place: tuple[str, ...]) -> None:
    assert output_cap(path, body) == cap
    found: Any = with_output_cap(path, body, 6)
    for name in place:
        found = found[name]
    assert found == 6


def test_counts_below_nothing_are_no_counts() -> None:
    told = {"usage": {"prompt_tokens": -5, "completion_tokens": 3}}
    assert usage_in(json.dumps(told).encode())[:2] == (None, 3)


def test_threads_that_are_left_behind_do_not_spend_after_the_end(server: Server) -> None:
    slow = agent(server, prompt="slowly. {question}")
    ledger = Ledger(100 * most_of_a_call(slow))
    # As many as are in flight at once: others would wait until the clients of the first ones give up.
    select(slow, 100 * most_of_a_call(slow), timeout_s=0.3, ledger=ledger, data=DATA[:8])
    held = ledger.committed
    assert any(thread.name == "optiq-run" for thread in threading.enumerate())
    ledger.close()
    server.patience.set()
    deadline = time.monotonic() + 10
    while any(thread.name == "optiq-run" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ledger.committed == held
