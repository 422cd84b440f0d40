"""Runs per second and cost per call under AgentOpt's public implementation; run in an environment of its own.

Reads ``{"examples": 100, "models": ["a"], "in_flight": 32, "calls": 2000, "wait_s": 0.05}``, writes
``{"runs_per_s": …, "bare_s": …, "intercepted_s": …}``: seconds of the processor per call, without and with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
import time
from typing import Any

import httpx

_USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


def answer(request: httpx.Request) -> httpx.Response:
    """Says the last word of the prompt."""
    said = json.loads(request.content)["messages"][-1]["content"].rpartition(" ")[2]
    made = {"model": "a", "choices": [{"message": {"content": said}}], "usage": _USAGE}
    return httpx.Response(200, json=made)


def waiting_agent(wait_s: float) -> type:
    """An async agent whose one call takes ``wait_s``."""

    async def slowly(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(wait_s)
        return answer(request)

    client = httpx.AsyncClient(transport=httpx.MockTransport(slowly))

    class Agent:
        def __init__(self, models: dict[str, str]) -> None:
            self.model = models["solver"]

        async def run(self, example: Any) -> str:
            prompt = example if isinstance(example, str) else example["question"]
            body = {"model": self.model, "messages": [{"role": "user", "content": prompt}]}
            made = await client.post("http://model.test/v1/chat/completions", json=body)
            return str(made.json()["choices"][0]["message"]["content"])

    return Agent


def seconds_per_call(calls: int, label: str) -> float:
    """Processor time of one call of a client whose server answers at once."""
    client = httpx.Client(transport=httpx.MockTransport(answer))
    started = time.process_time()
    for number in range(calls):
        body = {"model": "a", "messages": [{"role": "user", "content": f"{label} {number}"}]}
        client.post("http://model.test/v1/chat/completions", json=body).json()
    return (time.process_time() - started) / calls


def main() -> None:
    """Read the job, measure, print."""
    import agentopt

    job = json.load(sys.stdin)
    seconds_per_call(200, "warm")
    bare = seconds_per_call(job["calls"], "bare")
    tracker = agentopt.LLMTracker()
    tracker.start()
    with tracker.track(data_id="one", combo_id="one"):
        intercepted = seconds_per_call(job["calls"], "seen")
    tracker.stop()
    dataset = [(f"say word{i}", f"word{i}") for i in range(job["examples"])]
    agent = waiting_agent(job["wait_s"])
    with contextlib.redirect_stdout(io.StringIO()):
        selector = agentopt.ModelSelector(
            agent,
            {"solver": job["models"]},
            lambda expected, made: float(expected == made),
            dataset,
            "brute_force",
        )
        started = time.perf_counter()
        results = selector.select_best(parallel=True, max_concurrent=job["in_flight"])
        took = time.perf_counter() - started
    assert {one.accuracy for one in results.results} == {1.0}
    runs = len(job["models"]) * job["examples"]
    print(json.dumps({"runs_per_s": runs / took, "bare_s": bare, "intercepted_s": intercepted}))


if __name__ == "__main__":
    main()
