"""What the runtime adds: per intercepted call, and to replay 81 combinations × 200 examples from the cache.

The server is a transport inside the process that answers at once, so that what is measured is interception alone.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from optiq.selection.api import ModelSelector
from optiq.selection.interception import Transport, intercepting
from optiq.selection.recording import Recorder, current
from optiq.selection.runtime import Limits
from optiq.selection.store import Store

CALLS = 2000
_USAGE = {"prompt_tokens": 100, "completion_tokens": 20}


def _answer(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    said = body["messages"][-1]["content"].rpartition(" ")[2]
    return httpx.Response(200, json={"choices": [{"message": {"content": said}}], "usage": _USAGE})


CLIENT = httpx.Client(transport=httpx.MockTransport(_answer))


def _call(model: str, prompt: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    made: Any = CLIENT.post("http://model.test/v1/chat/completions", json=body).json()
    return str(made["choices"][0]["message"]["content"])


class Agent:
    """Two calls per example."""

    def __init__(self, models: dict[str, str]) -> None:
        self.models = models

    def run(self, example: dict[str, Any]) -> str:
        plan = _call(self.models["planner"], f"Plan: {example['question']}")
        return _call(self.models["solver"], f"Solve: {plan}")


def show() -> None:
    """Measure and print."""
    bare = _per_call(None, "bare")
    with tempfile.TemporaryDirectory() as folder:
        made = _per_call(Store(Path(folder) / "made.sqlite"), "made")
        print(f"a call without interception      {bare * 1e3:.3f} ms")
        print(
            f"intercepted, made and kept       {made[0] * 1e3:.3f} ms   overhead {(made[0] - bare) * 1e3:.3f} ms"
        )
        print(f"intercepted, found in the cache  {made[1] * 1e3:.3f} ms")
        first, again = _replay(Path(folder) / "replay.sqlite")
    print(f"81 × 200 runs, 32,400 calls, each made or found in the cache  {first:.1f} s")
    print(f"the same from the cache of calls alone                        {again:.1f} s")


def _per_call(store: Store | None, label: str) -> Any:
    """Seconds of one call; with a store, of one that is made and of one that is found."""
    if store is None:
        started = time.perf_counter()
        for number in range(CALLS):
            _call("small", f"{label} {number}")
        return (time.perf_counter() - started) / CALLS
    current.set(Recorder({"planner": "small"}))
    seconds = []
    with intercepting(Transport(store, 4)):
        for _ in range(2):
            started = time.perf_counter()
            for number in range(CALLS):
                _call("small", f"{label} {number}")
            seconds.append((time.perf_counter() - started) / CALLS)
    current.set(None)
    store.close()
    return seconds


def _replay(path: Path) -> tuple[float, float]:
    models = [f"model-{number}" for number in range(9)]
    data = pl.DataFrame(
        {"question": [f"say word{i}" for i in range(200)], "reference": [f"word{i}" for i in range(200)]}
    )
    seconds = []
    for _ in range(2):
        selector = ModelSelector(
            Agent, dict.fromkeys(("planner", "solver"), models), data, lambda expected, actual: expected == actual,
            method="brute-force", store=path, limits=Limits(4, 4, 8),
        )  # fmt: skip
        started = time.perf_counter()
        result = selector.select()
        seconds.append(time.perf_counter() - started)
        assert result.finished
        kept = Store(path)
        kept.forget_outcomes()  # so that the second time every call comes from the cache, not every run
        kept.close()
    return seconds[0], seconds[1]
