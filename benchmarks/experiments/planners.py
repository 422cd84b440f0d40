"""The planners compared (tables 4 and 5): our seconds, hypervolume and distance beside the published ones.

The reference frontier is the exact one, which we find for every k; the paper's is that of exact dynamic programming.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.experiments.paper import FOLDER
from benchmarks.experiments.showing import WIDTH, write_csv
from benchmarks.planners.catalogs import SHAPE, load
from benchmarks.planners.tables import Setting, comparison, prunings
from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.planning import PlanningTask, planning_task
from tasks.session import open_session

PUBLISHED = {
    "nsga2": "NSGA-II",
    "dp": "DP",
    "dp + Δ": "DP+Δ",
    "hill-climbing": "Hill Climbing",
    "hill-climbing + Δ": "Hill Climbing+Δ",
}
"""Our planners and what the paper calls them; it has none like ours called exact."""

_COMPARED = ["k", "planner", "seconds", "hv", "igd", "published_s", "published_hv", "published_igd", "source"]
_PRUNED = ["pruning", "parameter", "seconds", "hv", "published_s", "published_hv", "source"]
_HEADS = {
    "seconds": "CPU s",
    "hv": "HV %",
    "igd": "IGD",
    "published_s": "published s",
    "published_hv": "published HV %",
    "published_igd": "published IGD",
}


def show(given: argparse.Namespace) -> None:
    """Measure and print, or write comma-separated values; times depend on the machine, the rest on the seed alone."""
    if given.plot:
        raise InputError("planners are a table, not a picture", "Leave --plot out.")
    setting, what = _setting(given)
    compared = _frame(comparison(setting, range(1, given.max_operations + 1)), _COMPARED[:5])
    pruned = _frame(prunings(setting, given.max_operations), _PRUNED[:4])
    named = compared.with_columns(
        published=pl.col("planner").replace_strict(PUBLISHED, default=None), k=pl.col("k").cast(pl.Int64)
    )
    theirs = pl.read_csv(FOLDER / "planners.csv")
    compared = named.join(
        theirs.rename({"planner": "published"}), on=["k", "published"], how="left", maintain_order="left"
    )
    # table 4 was measured at k = 5 alone
    known = pl.read_csv(FOLDER / "prunings.csv").filter(pl.lit(given.max_operations == 5))
    pruned = pruned.with_columns(pl.col("parameter").cast(pl.Float64, strict=False)).join(
        known, on=["pruning", "parameter"], how="left", maintain_order="left", nulls_equal=True
    )
    tables = {
        f"Planners (planner comparison, table 5): {what}": compared.select(_COMPARED),
        f"Prunings at k = {given.max_operations} (table 4): {what}": pruned.select(_PRUNED),
    }
    if given.csv:
        write_csv(pl.concat(tables.values(), how="diagonal_relaxed"), given.csv)
    if given.csv != "-":
        for title, table in tables.items():
            _print(title, table)


@dataclass(frozen=True)
class HomeSetting(Setting):
    """A PerfDB that was filled here; its blender is the one that the product would choose."""

    blender: str | None = None

    def task(self, topic: str, k: int, seed: int = 0) -> PlanningTask:
        """The planning task of one topic."""
        return planning_task(self.statistics, [topic], "open", SHAPE, self.models, self.blender, k, seed=seed)


def _setting(given: argparse.Namespace) -> tuple[Setting, str]:
    if given.recorded is not None:
        statistics, models, what = load(given.recorded / "levels.parquet")
        topics = statistics.topics[: given.topics]
        return Setting(statistics, models, topics), f"{what}, {len(models)} models, {len(topics)} topics"
    wanted = {name: getattr(given, name) for name in ("server", "server_url", "models")}
    session = open_session(Settings.load({**wanted, "home": given.live}))
    planning = session.planning
    topics = planning.statistics.topics[: given.topics]
    if not topics:
        raise InputError("PerfDB knows no topic yet", "Calibrate on labelled questions and refresh first.")
    what = f"PerfDB at {given.live}, {len(planning.pool)} models, {len(topics)} topics"
    return HomeSetting(planning.statistics, planning.pool, topics, planning.blender), what


def _frame(rows: Any, columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame([tuple(map(str, row)) for row in rows], list(columns), orient="row")


def _print(title: str, table: pl.DataFrame) -> None:
    drawn = Table(title=title, title_justify="left")
    for name in table.columns:
        drawn.add_column(_HEADS.get(name, name), justify="left" if name in ("planner", "source") else "right")
    for row in table.iter_rows():
        drawn.add_row(*("–" if value is None else str(value) for value in row))
    Console(width=WIDTH).print(drawn)
