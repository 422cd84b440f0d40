"""The rows of an experiment as tables, one per kind of question, and as comma-separated values."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.experiments.setting import Experiment
from flows.command_line.screen import figure, printable
from optiq.errors import InputError
from optiq.files.atomic import replacing

WIDTH = 240

HEADS = {
    "answered": "answered",
    "qoa": "QoA [95 %]",
    "above": "above best single [95 %]",
    "cost_usd": "USD",
    "latency_s": "s",
    "energy_j": "J",
    "predicted_qoa": "QoA predicted",
    "predicted_cost_usd": "USD predicted",
    "predicted_latency_s": "s predicted",
    "low": "QoA < 0.5",
    "middle": "to 0.8",
    "high": "≥ 0.8",
    "within": "within",
    "cost_over": "cost over",
    "latency_over": "time over",
    "both_over": "both over",
    "kept_qoa": "QoA of those within",
    "cost_used": "of cost limit",
    "latency_used": "of time limit",
    "operations": "calls",
    "models": "models",
    "runs_seen": "runs seen",
    "qoa_step": "Δ QoA",
    "latency_s_step": "Δ s",
    "energy_j_step": "Δ J",
    "source": "source",
}
"""Heads of the columns of :data:`~benchmarks.experiments.summing.ROW_SCHEMA`."""

_SHARES = {"answered", "low", "middle", "high", "within", "cost_over", "latency_over", "both_over"}
_SHARES |= {"cost_used", "latency_used"}
_QUALITIES = {"qoa", "predicted_qoa", "kept_qoa"}
_STYLES = {"hindsight": "dim", "published": "cyan"}


def show(experiment: Experiment, table: pl.DataFrame) -> None:
    """Print one table per kind of question."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    seeds = table["seed"].drop_nulls().unique().to_list()
    for kind in table["questions"].unique(maintain_order=True):
        rows = table.filter(pl.col("questions") == kind)
        asked = max(rows["n_questions"].drop_nulls(), default=0)
        title = f"{experiment.title}: {printable(kind)}, {asked} questions, seed {', '.join(map(str, seeds))}"
        drawn = Table(title=escape(title), title_justify="left")
        drawn.add_column("setting", no_wrap=True)
        drawn.add_column("policy", no_wrap=True)
        for name in experiment.columns:
            left = name == "source"
            drawn.add_column(HEADS[name], justify="left" if left else "right", no_wrap=not left)
        last = None
        for row in rows.iter_rows(named=True):
            if last not in (None, row["setting"]):
                drawn.add_section()
            cells = [_cell(row, name) for name in experiment.columns]
            policy = row["policy"] + (" (hindsight, a bound)" if row["what"] == "hindsight" else "")
            policy += " (replayed)" if row["what"] == "replayed on live answers" else ""
            shown = (row["setting"] if row["setting"] != last else "", policy, *cells)
            drawn.add_row(*(escape(printable(cell)) for cell in shown), style=_STYLES.get(row["what"]))
            last = row["setting"]
        console.print(drawn)


def check_csv(path: str) -> None:
    """:class:`~optiq.errors.InputError` if the path is neither ``-`` nor a ``.csv``."""
    if path != "-" and Path(path).suffix != ".csv":
        raise InputError(f"{path} is no .csv", "Name the file with this suffix, or give - for the screen.")


def write_csv(table: pl.DataFrame, path: str) -> None:
    """Write all columns; ``-`` is standard output. The same rows are the same bytes."""
    text = table.write_csv(float_precision=9)
    if path == "-":
        sys.stdout.write(text)
        return
    check_csv(path)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if name in ("qoa", "above"):
        return _interval(row, name, "+" if name == "above" else "")
    if value is None:
        return "" if name == "source" else "–"
    if name in _SHARES:
        return f"{value:.1%}"
    if name in _QUALITIES:
        return f"{value:.3f}"
    if name in ("operations", "models"):
        return f"{value:.2f}"
    if name == "runs_seen":
        return f"{value:.0f}"
    if name == "qoa_step":
        return f"{value:+.3f}"
    return value if name == "source" else figure(value)


def _interval(row: Mapping[str, Any], name: str, sign: str) -> str:
    mean, low, high = (row[column] for column in (name, f"{name}_low", f"{name}_high"))
    if low is None:
        return "–" if mean is None else f"{mean:{sign}.3f}"
    between = f"[{low:{sign}.3f}, {high:{sign}.3f}]"
    return between if mean is None else f"{mean:{sign}.3f} {between}"
