"""Our methods beside AgentOpt's public implementation: same tables, same drawings, same order of examples.

AgentOpt leaves runs that failed out of a combination's accuracy; here they are wrong answers, in ours as in what the
table says. With ``failing`` the wrong answers of that model's combinations are failures: the truth is the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.selection.agentopt_environment import answered
from benchmarks.selection.drawing import EXAMPLES, PublishedTable, draw
from benchmarks.selection.replay import replay
from benchmarks.selection.tables import published
from optiq.selection.protocol import Problem
from optiq.selection.registry import make_selector

METHODS = {
    "brute-force": ("brute_force", "Brute Force (ref)"),
    "random": ("random", "Random Search"),
    "arm-elimination": ("arm_elimination", "Arm Elimination"),
    "epsilon-lucb": ("epsilon_lucb", "Epsilon-LUCB"),
    "threshold-successive-elimination": ("threshold", "Threshold SE"),
    "hill-climbing": ("hill_climbing", "Hill Climbing"),
    "bayesian-optimisation": ("bayesian", "Bayesian Opt"),
    "lm-proposal": ("lm_proposal", "LM Proposal"),
}
"""Ours, AgentOpt's name of it, and the paper's."""

PRICES = {
    "Claude Opus 4.6": (5.0, 25.0),
    "Claude Haiku 4.5": (1.0, 5.0),
    "Kimi K2.5": (0.6, 3.0),
    "Claude 3 Haiku": (0.25, 1.25),
    "Qwen3 Next 80B A3B": (0.15, 1.2),
    "gpt-oss-120b": (0.15, 0.6),
    "Qwen3 32B": (0.15, 0.6),
    "gpt-oss-20b": (0.07, 0.3),
    "Ministral 3 8B": (0.15, 0.15),
}
"""USD per million prompt and output tokens (AgentOpt, section 6.1), the dearest first."""


def show(
    python: Path,
    seeds: range,
    bayesian_seeds: int,
    methods: Sequence[str],
    names: Sequence[str],
    failing: str,
) -> None:
    """Run both and print."""
    paper, console = published(), Console(width=150)
    for name in names or EXAMPLES:
        source = PublishedTable.read(name)
        told = f"; wrong answers with {failing} are failures" if failing else ""
        table = Table(
            title=f"{name}: {len(source.space)} combinations × {source.n_examples} examples, best "
            f"{source.accuracy.max():.2%}, {len(seeds)} seeds from {seeds.start}, correlated outcomes{told}",
            title_justify="left",
        )
        for column in (
            "method",
            "ours: accuracy",
            "saved",
            "agentopt-py 0.1.0: accuracy",
            "saved",
            "published",
            "saved",
        ):
            table.add_column(column, justify="left" if column == "method" else "right")
        for method in methods or METHODS:
            mine = seeds[:bayesian_seeds] if method == "bayesian-optimisation" else seeds
            runs = [replay(source, lambda p, m=method: _made(m, p), seed, True) for seed in mine]
            theirs = _theirs(python, source, METHODS[method][0], mine, failing)
            known = paper.get((name, METHODS[method][1]))
            table.add_row(
                method if len(mine) == len(seeds) else f"{method} ({len(mine)} seeds)",
                _mean([run.accuracy for run in runs]),
                f"{np.mean([run.saved for run in runs]):.1%}",
                _mean([accuracy for accuracy, _ in theirs]),
                f"{np.mean([saved for _, saved in theirs]):.1%}",
                f"{known[0]:.2%}" if known else "–",
                f"{known[1]:.1%}" if known else "–",
            )
        console.print(table)


def _made(method: str, problem: Problem) -> Any:
    """A method of ours; ``lm-proposal`` asks one that names the dearest models for all roles, then the next ones."""
    if method != "lm-proposal":
        return make_selector(method, problem)
    named = [name for name in PRICES if all(name in models for models in problem.space.candidates)]
    answer = json.dumps([dict.fromkeys(problem.space.roles, name) for name in named])
    advised = Problem(
        problem.space, problem.n_examples, problem.objective, problem.seed, advisor=lambda prompt: answer
    )
    return make_selector(method, advised)


def _theirs(
    python: Path, source: PublishedTable, method: str, seeds: range, failing: str
) -> list[tuple[float, float]]:
    """Accuracy (by the table) of what AgentOpt chose, and the share of evaluations that it saved, by seed."""
    space, drawn = source.space, []
    dearest = next(name for name in PRICES if all(name in models for models in space.candidates))
    fails_here = np.array([failing in combination for combination in space.combinations])
    for seed in seeds:
        scores = draw(source, seed, True)
        fails = fails_here[:, None] & (scores < 0.5)
        drawn.append(
            {
                "seed": seed,
                "order": Problem(space, source.n_examples, seed=seed).order,
                "scores": scores.tolist(),
                "fails": fails.tolist(),
            }
        )
    job = {
        "roles": dict(zip(space.roles, map(list, space.candidates), strict=True)),
        "method": method,
        "prices": PRICES,
        "proposed": dict.fromkeys(space.roles, dearest),
        "ranking": list(PRICES),
        "seeds": drawn,
    }
    every = len(space) * source.n_examples
    found = answered(python, "agentopt_driver.py", job)
    # Who could choose nothing chose wrong.
    return [
        (0.0 if one["chosen"] is None else float(source.accuracy[one["chosen"]]), 1 - one["runs"] / every)
        for one in found
    ]


def _mean(values: Sequence[float]) -> str:
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{np.mean(values):.2%} ± {error:.2%}"
