"""Traces files: executions with their calls nested, one a row.

What is left out is filled in where it follows: the plan's key, the status, and, from the calls, the figures
of the execution and of the sub-plan that ends at each node. Nodes are renumbered as the canonical plan has
them.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import polars as pl

from optiq.questions.metric import METRICS, QOA, RESOURCE_NAMES, RESOURCES
from optiq.scoring import SCORES
from warehouse.ingestion.calls import Calls, flatten
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.columns import check_columns
from warehouse.ingestion.plans import PlanReader
from warehouse.ingestion.units import KnownRates
from warehouse.landing import trace_columns
from warehouse.rules import ROW, Rule, as_number, as_text, as_time, judge, number_rules, time_rules

# Lowest and highest believable figure of an execution, and what a higher one usually is.
FIGURES: dict[str, tuple[float, float, str]] = {
    **{
        f"{said}{metric.name}": (0, metric.most_of_run, metric.doubt)
        for said in ("", "predicted_")
        for metric in METRICS
    },
    **{metric.limit: (0, 1e12, "") for metric in RESOURCES},
    QOA.limit: (0, QOA.most_of_run, QOA.doubt),
    "wall_s": (0, 10 * 86_400, "is it in milliseconds?"),
    **{f"score_{name}": (-1 if name == "cosine" else 0, 1, "") for name in SCORES},
}
_TEXTS = (
    "run_id",
    "question_id",
    "question",
    "topic",
    "answer",
    "error",
    "energy_source",
    "reference",
    "snapshot_id",
    "prompt",
)
_KINDS = ("open", "choice", "multi")


class Traces:
    """Reads the chunks of one traces file. ``source_hash`` names executions that have no id of their own."""

    kind = "traces"
    nested = ("plan", "topics", "calls")

    def __init__(
        self,
        path: Path,
        source_hash: str,
        known: KnownRates | None = None,
        today: datetime.date | None = None,
    ) -> None:
        self._path = path
        self._prefix = source_hash[:16]
        self._known = known or KnownRates()
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._plans = PlanReader()
        self.schema = trace_columns()

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if the file has no plan, or a column that looks misspelt."""
        needed = () if "plan_key" in columns else ("plan",)
        check_columns(self._path, columns, self.schema.names(), needed, self.kind)

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The executions of a chunk, in the landing schema, and its rejected rows."""
        table = chunk.frame(self.nested)
        calls = flatten(chunk, self._plans, self._known)
        topics = [_topics(value) for value in chunk.columns.get("topics", [None] * table.height)]
        table = table.hstack(self._plans.read(chunk.columns, table.height)).with_columns(
            pl.Series("topics_fault", [t if isinstance(t, str) else None for t in topics], dtype=pl.String),
            pl.Series(
                "topics_read",
                [None if isinstance(t, str) else t for t in topics],
                dtype=self.schema["topics"],
            ),
        )
        table = table.join(calls.faults, on=ROW, how="left", maintain_order="left")
        good, bad = judge(table, self._rules(table))
        return self._rows(good, calls), chunk.rejects(bad)

    def _rules(self, table: pl.DataFrame) -> list[Rule]:
        schema = table.schema
        rules = [Rule(pl.col(name).is_not_null(), pl.col(name)) for name in ("plan_fault", "topics_fault")]
        if "execution_id" in schema:
            rules.append(
                Rule(
                    as_text("execution_id", schema["execution_id"]).is_null(),
                    pl.lit("execution_id is missing"),
                )
            )
        for name, allowed in (("kind", _KINDS), ("status", ("answered", "failed"))):
            if name in schema:
                text = as_text(name, schema[name])
                reason = pl.format(f"{name} is '{{}}', not {' or '.join(allowed)}", text)
                rules.append(Rule(~text.is_in(allowed), reason))
        for name, limits in FIGURES.items():
            if name in schema:
                rules += number_rules(name, schema[name], *limits)
        if "latency_s" in schema:
            zero = (as_number("latency_s", schema["latency_s"]) == 0) & (self._status(schema) == "answered")
            rules.append(Rule(zero, pl.lit("latency_s is 0: leave it out if it is unknown")))
        if "started_at" in schema:
            rules += time_rules("started_at", schema["started_at"], self._today)
        return [*rules, Rule(pl.col("calls_fault").is_not_null(), pl.col("calls_fault"))]

    @staticmethod
    def _status(schema: pl.Schema) -> pl.Expr:
        given = [as_text("status", schema["status"])] if "status" in schema else []
        failed = as_text("error", schema["error"]).is_not_null() if "error" in schema else pl.lit(False)
        return pl.coalesce(*given, pl.when(failed).then(pl.lit("failed")).otherwise(pl.lit("answered")))

    def _rows(self, good: pl.DataFrame, calls: Calls) -> pl.DataFrame:
        schema = good.schema

        def text(name: str) -> pl.Expr:
            return as_text(name, schema[name]) if name in schema else pl.lit(None, pl.String)

        def number(name: str) -> pl.Expr:
            value = as_number(name, schema[name]) if name in schema else pl.lit(None, pl.Float64)
            return value.fill_nan(None)

        rows = good.select(
            pl.coalesce(text("execution_id"), pl.format(self._prefix + "-{}", pl.col(ROW))).alias(
                "execution_id"
            ),
            *[text(name).alias(name) for name in _TEXTS],
            pl.col("topics_read").alias("topics"),
            text("kind").fill_null("open").alias("kind"),
            pl.col("parsed_key").alias("plan_key"),
            self._status(schema).alias("status"),
            *[number(name).alias(name) for name in FIGURES],
            (as_time("started_at", schema["started_at"]) if "started_at" in schema else pl.lit(None))
            .cast(self.schema["started_at"])
            .alias("started_at"),
            pl.col(ROW),
        )
        whole = calls.totals
        rows = rows.join(whole, on=ROW, how="left", maintain_order="left").join(
            calls.nested(self.schema["calls"]), on=ROW, how="left", maintain_order="left"
        )
        return self._filled(rows)

    def _filled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What follows from the calls and the topics where it is not given; unknown columns as nulls."""
        rows = rows.with_columns(
            *[pl.coalesce(name, f"calls_{name}").alias(name) for name in RESOURCE_NAMES],
            pl.coalesce("topic", pl.col("topics").list.first().struct.field("topic")).alias("topic"),
        ).with_columns(
            # Who gives energy without a word on its source has measured it.
            pl.when(pl.col("energy_j").is_not_null()).then(pl.col("energy_source").fill_null("measured")),
            topic_given=pl.col("topic").is_not_null(),
        )
        missing = [name for name in self.schema.names() if name not in rows.columns]
        return rows.with_columns(*[pl.lit(None, self.schema[name]).alias(name) for name in missing]).select(
            self.schema.names()
        )


def _topics(value: Any) -> list[dict[str, Any]] | str | None:
    """Topics with weights that sum to 1, heaviest first; from records, names, or JSON text of either."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return "topics is no JSON list"
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        return "topics is no list"
    found = []
    for item in value:
        item = {"topic": item, "weight": 1.0} if isinstance(item, str) else item
        if not isinstance(item, dict) or not isinstance(item.get("topic"), str) or not item["topic"].strip():
            return "topics has an entry without a topic"
        weight = item.get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < float("inf"):
            return f"topic {item['topic']!r} has the weight {weight!r}"
        found.append({"topic": item["topic"].strip(), "weight": float(weight)})
    total = sum(item["weight"] for item in found)
    ranked = sorted(found, key=lambda item: (-item["weight"], item["topic"]))
    return [{**item, "weight": item["weight"] / total} for item in ranked]
