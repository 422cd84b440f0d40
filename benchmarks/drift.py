"""How often a stable model is named as drifted over many nights, and how many calls it takes to find a planted drift.

    python -m benchmarks.drift --streams 20 --nights 60

A stream is a PerfDB in memory to which every night adds a day's calls of three models; days are busier or quieter, as
servers are. Half way through the last nights one model gets slower or worse; false alarms are counted before that.
Drawn from ``--seed``; nothing depends on the clock.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

import sql
from optiq.plans.plan import Plan
from warehouse.drift import Comparison, judge_drift
from warehouse.migrate import migrate

MODELS = ("smollm2:135m", "gemma3:270m", "phi4:14b")
TOPICS = 3
FIRST = datetime(2026, 1, 5, tzinfo=UTC).replace(tzinfo=None)


class Stream:
    """Nights of calls of :data:`MODELS` alone, in a PerfDB in memory. ``busy``: spread of days, as a share."""

    def __init__(self, seed: int, busy: float = 0.05) -> None:
        self.draw = np.random.default_rng(seed)
        self.busy = busy
        self.night = 0
        self.connection = duckdb.connect()
        migrate(self.connection)
        self.connection.execute(sql.read("merge/macros"))
        for model in MODELS:
            self.connection.execute(
                "insert into models by name select $model as model, 0 as n_calls, 0 as n_failed_calls, "
                "0 as n_figures_published",
                {"model": model},
            )

    def add(self, executions: int, slower: float = 1.0, worse: float = 0.0) -> list[Comparison]:
        """A night of ``executions``; the first model ``slower`` and ``worse``. What was compared."""
        self.connection.execute("set variable last_ingestion = $last", {"last": self.night})
        self.night += 1
        self._insert(executions, slower, worse)
        return judge_drift(self.connection)

    def _insert(self, n: int, slower: float, worse: float) -> None:
        which = np.arange(n) % len(MODELS)
        first = which == 0
        tokens = self.draw.integers(5, 60, n)
        day = self.draw.lognormal(0, self.busy)
        latency = (0.2 + 0.02 * tokens) * day * self.draw.lognormal(0, 0.2, n) * np.where(first, slower, 1.0)
        qoa = (self.draw.random(n) < 0.75 - worse * first).astype(float)
        started = [FIRST + timedelta(days=self.night, seconds=60 * i) for i in range(n)]
        keys = np.array([Plan.of([model]).key for model in MODELS])[which]
        ids = [f"e{self.night}-{i}" for i in range(n)]
        same: dict[str, Any] = {"execution_id": ids, "ingestion": self.night, "started_at": started}
        topic = [f"t{t}" for t in self.draw.integers(0, TOPICS, n)]
        self._append(
            "executions",
            {**same, "topic": topic, "kind": "open", "task": "open", "plan_key": keys, "status": "answered"},
        )
        self._append(
            "calls",
            {
                **same,
                "node": 0,
                "model": np.array(MODELS)[which],
                "prompt_tokens": 100,
                "output_tokens": tokens,
                "cost_usd": 1e-5 + 4e-7 * tokens,
                "latency_s": latency,
                "subplan_key": keys,
                "subplan_level": 0,
                "subplan_qoa": qoa,
                "cached": False,
            },
        )
        self.connection.execute(
            "insert into ingested_files by name select $n::varchar as file_id, $n as ingestion, 'traces' as kind, "
            "$n::varchar as file, $rows as n_rows, 0 as n_quarantined, now()::timestamp as ingested_at",
            {"n": self.night, "rows": n},
        )

    def _append(self, table: str, columns: dict[str, Any]) -> None:
        n = len(columns["execution_id"])
        full = {
            name: value if hasattr(value, "__len__") and not isinstance(value, str) else [value] * n
            for name, value in columns.items()
        }
        self.connection.register("more", pl.DataFrame(full).to_arrow())
        self.connection.execute(f"insert into {table} by name from more")
        self.connection.unregister("more")


def named(comparisons: list[Comparison]) -> set[tuple[str, str, str]]:
    """Model, topic and metric of what is said to have drifted."""
    return {(c.model, c.topic, c.metric) for c in comparisons if c.verdict == "drifted"}


def main() -> int:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drift",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--streams", type=int, default=10, help="independent streams (10)")
    parser.add_argument("--nights", type=int, default=60, help="nights on which nothing changes (60)")
    parser.add_argument("--executions", type=int, default=480, help="executions a night (480)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    alarmed, what = 0, Counter[str]()
    waits: dict[str, list[int]] = {"latency_s": [], "qoa": []}
    for number in range(given.streams):
        stream = Stream(1000 * given.seed + number)
        false = [alarm for _ in range(given.nights) for alarm in sorted(named(stream.add(given.executions)))]
        alarmed += bool(false)
        what.update(f"{metric}{'' if topic == '*' else ' on a topic'}" for _, topic, metric in false)
        missing = set(waits)
        for calls in range(1, 6):
            found = {
                metric
                for model, _, metric in named(stream.add(given.executions, 1.3, 0.15))
                if model == MODELS[0]
            }
            for metric in missing & found:
                waits[metric].append(calls * given.executions // len(MODELS))
            missing -= found
        for metric in missing:
            waits[metric].append(sys.maxsize)
    table = Table(title=f"{given.streams} streams of {given.nights} nights of {given.executions} executions")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("streams with a false alarm", f"{alarmed} of {given.streams}")
    for name, many in sorted(what.items()):
        table.add_row(f"false alarms: {name}", str(many))
    for metric, calls in waits.items():
        late = sum(n == sys.maxsize for n in calls)
        table.add_row(
            f"calls until a planted change of {metric} is named (median)",
            f"{int(np.median(calls)):,}" if late * 2 < len(calls) else "never",
        )
        table.add_row(f"… not named within 5 nights ({metric})", str(late))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
