"""The cheapest above a floor on live workflows of three stages, with the embedded models.

Every combination is run on every example once, each call that is the same made once (the selection's own cache); then
each method is replayed on that recording by seeds, as MixLLM's authors do. A seed draws four fifths of the examples:
a data set of its own, whose optimum is that of all combinations on it. Only repeated runs, at a temperature, are made
when they are asked for, and kept as well. ``--kept FOLDER`` keeps the recording: what is there is not run again.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.selection.live_models import SERVED, LiveServer, prices
from optiq.selection.api import REPEAT_TEMPERATURE, ModelSelector
from optiq.selection.evidence import Evidence, Outcome, Run
from optiq.selection.objective import Objective
from optiq.selection.protocol import Problem
from optiq.selection.registry import make_selector
from optiq.selection.runtime import Limits, Runtime
from optiq.selection.search import search
from optiq.selection.stages import read_workflow

EXAMPLES = Path("examples/select")
WORKFLOWS = {
    "text_to_sql": ("shop.jsonl", f"{EXAMPLES / 'shop.py'}:same_rows"),
    "impute_country": ("places.jsonl", "containment"),
    "fact_check": ("facts.jsonl", "containment"),
}
METHODS = ("mixllm", "mixllm-published", "uct", "random")
RECORDED, DRAWN = 20, 16
"""Examples of a workflow, and those of them that a seed draws."""
LIMITS = Limits(combinations=8, examples=4, calls=16, timeout_s=3600.0)


def show(seeds: range, methods: Sequence[str], names: Sequence[str], kept: str | None) -> None:
    """Record what is not recorded yet, replay, print."""
    server = LiveServer()
    with tempfile.TemporaryDirectory() as folder:
        for name in names or WORKFLOWS:
            _show(name, server, Path(kept or folder) / name, seeds, methods or METHODS)
    server.close()


def _show(name: str, server: LiveServer, kept: Path, seeds: range, methods: Sequence[str]) -> None:
    examples, metric = WORKFLOWS[name]
    selector = ModelSelector(
        read_workflow(EXAMPLES / f"{name}.yaml"), {"*": list(SERVED)}, _rows(EXAMPLES / examples), metric,
        method="brute-force", prices=prices(), server=server, store=kept / "kept.sqlite", limits=LIMITS,
    )  # fmt: skip
    with selector.runtime.running():
        started, whole = time.perf_counter(), selector.problem.evidence()
        assert search(selector._selector, selector.problem, selector.runtime, whole)[1]
        progress = selector.runtime.progress
        calls = f"{progress.calls} calls made, {progress.cached_calls} shared or kept"
        title = (
            f"{name}: {len(selector.space)} combinations × {whole.score.shape[1]} examples, {calls}, "
            f"{time.perf_counter() - started:.0f} s; {len(seeds)} seeds from {seeds.start}, {DRAWN} examples each"
        )
        table = Table(title=title, title_justify="left")
        for column in (
            "method", "best accuracy", "floor", "chosen", "cost / optimum", "≤ 1.05", "examined", "and ≤ 30 %",
        ):  # fmt: skip
            table.add_column(column, justify="left" if column == "method" else "right")
        told: dict[int, float] = {}
        for method in methods:
            found = [
                _Replay(selector.runtime, whole, selector.problem, seed).find(method, told) for seed in seeds
            ]
            ratio = np.array([one.ratio for one in found])
            examined = np.array([one.examined for one in found])
            table.add_row(
                method,
                _span([one.best for one in found]),
                _span([one.floor for one in found]),
                _span([one.accuracy for one in found]),
                f"{ratio.mean():.3f} (worst {ratio.max():.2f})",
                f"{(ratio <= 1.05).mean():.0%}",
                f"{examined.mean():.1%}",
                f"{((ratio <= 1.05) & (examined <= 0.3)).mean():.0%}",
            )
    Console(width=150).print(table)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][:RECORDED]


@dataclass(frozen=True)
class Found:
    """What a method came to: accuracy and cost over the optimum of what it chose, share of combinations examined."""

    best: float
    floor: float
    accuracy: float
    ratio: float
    examined: float


class _Replay:
    """The recording, as one seed has it."""

    def __init__(self, runtime: Runtime, whole: Evidence, problem: Problem, seed: int) -> None:
        self._runtime, self._whole, self._seed, self._space = runtime, whole, seed, problem.space
        of = whole.score.shape[1]
        self._mine = np.sort(np.random.default_rng([seed, 23]).permutation(of)[: min(DRAWN, of)])

    def find(self, method: str, told: dict[int, float]) -> Found:
        """Run a method; those that measure no floor get by seed what ``mixllm`` measured (``told``)."""
        measures = method.startswith("mixllm")
        objective = Objective("cheapest", None if measures else told[self._seed])
        problem = Problem(
            self._space, len(self._mine), objective, self._seed, repeat_temperature=REPEAT_TEMPERATURE
        )
        made = make_selector(method, problem)
        evidence, finished = search(made, problem, self._run)
        assert finished
        ranking = made.ranking(evidence)
        assert ranking.floor is not None
        told.setdefault(self._seed, ranking.floor)
        accuracy = self._whole.score[:, self._mine].mean(axis=1)
        cost = self._whole.cost_usd[:, self._mine].mean(axis=1)
        optimum = cost[accuracy >= ranking.floor - 1e-9].min()
        examined = float((evidence.counts > 0).mean())
        if not ranking.order:
            return Found(float(accuracy.max()), ranking.floor, 0.0, np.inf, examined)
        chosen = ranking.order[0]
        return Found(
            float(accuracy.max()),
            ranking.floor,
            float(accuracy[chosen]),
            float(cost[chosen] / optimum),
            examined,
        )

    def _run(self, batch: Sequence[Run]) -> list[Outcome | None]:
        """First runs from the recording; repeats by the models, once."""
        asked = [run._replace(example=int(self._mine[run.example])) for run in batch]
        anew = iter(self._runtime([run for run in asked if run.trial]))
        return [next(anew) if run.trial else self._recorded(run) for run in asked]

    def _recorded(self, run: Run) -> Outcome:
        at, whole = (run.combination, run.example), self._whole
        return Outcome(
            float(whole.score[at]),
            float(whole.cost_usd[at]),
            float(whole.latency_s[at]),
            role_cost_usd=tuple(whole.role_cost_usd[at].tolist()),
        )


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"
