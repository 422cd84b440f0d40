"""What a call costs more when it is intercepted, and runs per second, here and under AgentOpt, by turns in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.selection.agentopt_environment import answered
from benchmarks.selection.agentopt_speed import seconds_per_call, waiting_agent
from optiq.selection.api import ModelSelector
from optiq.selection.interception import Transport, intercepting
from optiq.selection.recording import Recorder, current
from optiq.selection.runtime import Limits
from optiq.selection.store import Store

JOB = {"examples": 100, "models": ["a", "b", "c", "d"], "in_flight": 32, "calls": 2000, "wait_s": 0.05}
TURNS = 5


def show(python: Path) -> None:
    """Measure by turns and print medians."""
    ours, theirs = [], []
    for _ in range(TURNS):
        ours.append(_ours())
        theirs.append(answered(python, "agentopt_speed.py", JOB))
    table = Table(title=f"medians of {TURNS} turns", title_justify="left")
    for column in ("", "ours", "agentopt-py 0.1.0", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    for label, figures in (
        (
            "processor ms per call that interception adds",
            [[1e3 * (one["intercepted_s"] - one["bare_s"]) for one in side] for side in (ours, theirs)],
        ),
        (
            "processor ms of a bare call",
            [[1e3 * one["bare_s"] for one in side] for side in (ours, theirs)],
        ),
        (
            f"runs per second, {1e3 * JOB['wait_s']:.0f} ms each, {JOB['in_flight']} in flight",  # type: ignore[operator]
            [[one["runs_per_s"] for one in side] for side in (ours, theirs)],
        ),
    ):
        mine, other = map(statistics.median, figures)
        table.add_row(label, f"{mine:.3g}", f"{other:.3g}", f"{mine / other:.2f}")
    Console(width=120).print(table)


def _ours() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        seconds_per_call(200, "warm")
        bare = seconds_per_call(int(JOB["calls"]), "bare")  # type: ignore[call-overload]
        store = Store(Path(folder) / "calls.sqlite")
        recorder = Recorder({"solver": "a"})
        transport = Transport(store, 32, candidates=frozenset("abcd"))
        with intercepting(transport), transport.entered(recorder):
            token = current.set(recorder)
            intercepted = seconds_per_call(int(JOB["calls"]), "seen")  # type: ignore[call-overload]
            current.reset(token)
        store.close()
        data = [{"question": f"say word{i}", "reference": f"word{i}"} for i in range(JOB["examples"])]  # type: ignore[call-overload]
        selector = ModelSelector(
            waiting_agent(0.05), {"solver": JOB["models"]}, data, lambda expected, made: float(expected == made),  # type: ignore[dict-item]
            method="brute-force", store=Path(folder) / "kept.sqlite", limits=Limits(4, 8, 32),
        )  # fmt: skip
        started = time.perf_counter()
        result = selector.select()
        took = time.perf_counter() - started
    assert set(result.evidence.accuracy.tolist()) == {1.0}
    return {"runs_per_s": result.evidence.runs / took, "bare_s": bare, "intercepted_s": intercepted}
