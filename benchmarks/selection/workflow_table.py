"""The cheapest combination above a floor on generated workflows: one row per method."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.selection.floor_search import find, floor_of
from optiq.selection.protocol import Problem, Selector
from optiq.selection.registry import make_selector

METHODS = (
    "mixllm",
    "mixllm-published",
    "mixllm-published select=uct",
    "mixllm-published estimate_costs=off",
    "mixllm-published predict_accuracy=off",
    "uct",
    "bayesian-optimisation",
    "arm-elimination",
    "hill-climbing",
    "random",
    "brute-force",
)


def show(seeds: range, bayesian_seeds: int, methods: Sequence[str]) -> None:
    """Search and print."""
    table = Table(
        title=f"cheapest above a − θ: 125 combinations × 200 examples, {len(seeds)} seeds from {seeds.start}",
        title_justify="left",
    )
    for column in (
        "method", "cost ≤ 1.05 × optimum", "of these ≤ 30 % examined", "mean cost / optimum", "worst",
        "examined", "floor kept", "CPU s per run",
    ):  # fmt: skip
        table.add_column(column, justify="left" if column == "method" else "right")
    for method in methods or METHODS:
        mine = seeds[:bayesian_seeds] if method == "bayesian-optimisation" else seeds
        started = time.process_time()
        found = [
            find(
                lambda problem, m=method: _made(m, problem),
                seed,
                None if method.startswith("mixllm") else floor_of(seed),
            )
            for seed in mine
        ]
        seconds = (time.process_time() - started) / len(found)
        ratio = np.array([run.ratio for run in found])
        examined = np.array([run.examined for run in found])
        near = ratio <= 1.05
        table.add_row(
            method if len(mine) == len(seeds) else f"{method} ({len(mine)} seeds)",
            f"{near.mean():.0%}",
            f"{(near & (examined <= 0.3)).mean():.0%}",
            f"{ratio[np.isfinite(ratio)].mean():.3f}",
            f"{ratio.max():.2f}",
            f"{examined.mean():.1%}",
            f"{np.mean([run.kept_floor for run in found]):.0%}",
            f"{seconds:.2f}",
        )
    Console(width=150).print(table)


def _made(method: str, problem: Problem) -> Selector:
    """A method by name, with ``option=value`` behind it; ``off`` is False."""
    name, *options = method.split()
    pairs = (option.split("=") for option in options)
    return make_selector(name, problem, {key: False if value == "off" else value for key, value in pairs})
