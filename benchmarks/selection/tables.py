"""The published tables replayed: one row per method, with the published figures beside it."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.selection.drawing import EXAMPLES, PUBLISHED, PublishedTable
from benchmarks.selection.replay import Replayed, replay
from optiq.selection.registry import make_selector

METHODS = {
    "brute-force": "Brute Force (ref)",
    "arm-elimination": "Arm Elimination",
    "epsilon-lucb": "Epsilon-LUCB",
    "threshold-successive-elimination": "Threshold SE",
    "hill-climbing": "Hill Climbing",
    "bayesian-optimisation": "Bayesian Opt",
    "random": "Random Search",
    "uct": "",
}
"""Our methods and what the paper calls them. LM proposal asks a language model, so it cannot be replayed."""


def published() -> dict[tuple[str, str], tuple[float, float]]:
    """(benchmark, method) → accuracy, share of brute force's evaluations saved."""
    with (PUBLISHED / "selectors.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    every = {
        row["benchmark"]: int(row["evaluations"]) for row in rows if row["selector"] == "Brute Force (ref)"
    }
    return {
        (row["benchmark"], row["selector"]): (
            float(row["accuracy"]),
            1 - int(row["evaluations"]) / every[row["benchmark"]],
        )
        for row in rows
    }


def show(seeds: range, bayesian_seeds: int, methods: Sequence[str], names: Sequence[str]) -> None:
    """Replay and print."""
    paper = published()
    console = Console(width=170)
    for name in names or EXAMPLES:
        source = PublishedTable.read(name)
        size = f"{len(source.space)} combinations × {source.n_examples} examples"
        title = f"{name}: {size}, best {source.accuracy.max():.2%}, {len(seeds)} seeds from {seeds.start}"
        table = Table(title=title, title_justify="left")
        for column in (
            "method", "outcomes", "chosen: accuracy", "evaluations saved", "cost saved",
            "best eliminated", "best chosen", "published accuracy", "published saved", "CPU s per run",
        ):  # fmt: skip
            table.add_column(column, justify="left" if column in ("method", "outcomes") else "right")
        for method in methods or METHODS:
            mine = seeds[:bayesian_seeds] if method == "bayesian-optimisation" else seeds
            for correlated in (True, False):
                started = time.process_time()
                runs = [
                    replay(source, lambda problem, m=method: make_selector(m, problem), seed, correlated)
                    for seed in mine
                ]
                seconds = (time.process_time() - started) / len(runs)
                known = paper.get((name, METHODS.get(method, "")))
                label = method if len(mine) == len(seeds) else f"{method} ({len(mine)} seeds)"
                table.add_row(
                    label,
                    "correlated" if correlated else "independent",
                    *_figures(runs),
                    f"{known[0]:.2%}" if known else "–",
                    f"{known[1]:.1%}" if known else "–",
                    f"{seconds:.2f}",
                )
        console.print(table)


def _figures(runs: Sequence[Replayed]) -> tuple[str, ...]:
    accuracy = np.array([run.accuracy for run in runs])
    error = accuracy.std(ddof=1) / np.sqrt(len(runs)) if len(runs) > 1 else float("nan")
    return (
        f"{accuracy.mean():.2%} ± {error:.2%}",
        f"{np.mean([run.saved for run in runs]):.1%}",
        f"{np.mean([run.cost_saved for run in runs]):.1%}",
        f"{np.mean([run.best_eliminated for run in runs]):.1%}",
        f"{np.mean([run.best_chosen for run in runs]):.0%}",
    )
