"""The cheapest above a floor on live workflows of three stages, by the command line on the embedded models.

Every combination is run first; each method then finds with several seeds what it would choose, on the same answers,
in a home of its own made from the first one's cache of calls. Only repeated runs, at a temperature, ask anew.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

EXAMPLES = Path("examples/select")
WORKFLOWS = {
    "text_to_sql.yaml": ("shop.jsonl", f"{EXAMPLES / 'shop.py'}:same_rows"),
    "impute_country.yaml": ("places.jsonl", "containment"),
    "fact_check.yaml": ("facts.jsonl", "containment"),
}
METHODS = ("mixllm", "mixllm-published")


def show(seeds: range, methods: list[str]) -> None:
    """Run and print."""
    table = Table(
        title=f"cheapest above a − θ, live, {len(seeds)} seeds from {seeds.start}", title_justify="left"
    )
    for column in (
        "workflow", "method", "best accuracy", "chosen", "cost / optimum", "≤ 1.05", "examined", "calls anew",
    ):  # fmt: skip
        table.add_column(column, justify="left" if column in ("workflow", "method") else "right")
    for workflow, (examples, metric) in WORKFLOWS.items():
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            asked = (str(EXAMPLES / examples), "--workflow", str(EXAMPLES / workflow), "--metric", metric)
            whole = selected(home, *asked, "--method", "brute-force")["results"]
            for method in methods or METHODS:
                told = (*asked, "--objective", "cheapest", "--method", method)
                found = [_found(home, whole, *told, "--seed", str(seed)) for seed in seeds]
                ratio, examined = [one["ratio"] for one in found], [one["examined"] for one in found]
                table.add_row(
                    workflow, method,
                    f"{max(row['accuracy'] for row in whole):.2f}",
                    _span([one["accuracy"] for one in found], ".2f"),
                    _span(ratio, ".2f"),
                    f"{sum(one <= 1.05 for one in ratio)} of {len(ratio)}",
                    f"{_span(examined, '.0f')} of {len(whole)}",
                    _span([one["calls"] for one in found], ".0f"),
                )  # fmt: skip
    Console(width=150).print(table)


def _found(home: Path, whole: list[dict[str, Any]], *asked: str) -> dict[str, float]:
    """What a method chose: its true accuracy, its cost over that of the cheapest at or above the same floor."""
    roles = [name for name in whole[0] if name.startswith("role_")]
    true = {tuple(row[role] for role in roles): row for row in whole}
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "home"
        shutil.copytree(home, own)
        for kept in (own / "selection").glob("kept.sqlite*"):
            kept.unlink()  # outcomes; the calls stay in the cache
        told = selected(own, *asked)
    run = [row for row in told["results"] if row["runs"]]
    chosen = true[tuple(told["results"][0][role] for role in roles)]
    allowed = [row["cost_usd"] for row in whole if row["accuracy"] >= told["floor"] - 1e-9]
    return {
        "accuracy": chosen["accuracy"],
        "ratio": chosen["cost_usd"] / min(allowed),
        "examined": len(run),
        "calls": told["calls"],
    }


def selected(home: Path, *arguments: str) -> dict[str, Any]:
    """`optiq select … --json` in a home that is made when it is not there."""
    place = {**os.environ, "OPTIQ_HOME": str(home), "OPTIQ_CONFIG": ""}
    command = [sys.executable, "-m", "flows.command_line.main"]
    if not home.exists():
        subprocess.run([*command, "init"], env=place, check=True, stdout=subprocess.DEVNULL)
    server = ("--server", "embedded", "--timeout", "600", "--json")
    done = subprocess.run(
        [*command, "select", *arguments, *server], env=place, check=True, stdout=subprocess.PIPE
    )
    return dict(json.loads(done.stdout))


def _span(values: list[float], form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"
