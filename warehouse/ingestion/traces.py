"""Traces files: executions with their calls nested, one a row.

What is left out is filled in where it follows: the plan's key, the status, and, from the calls, the figures
of the execution and of the sub-plan that ends at each node. Nodes are renumbered as the canonical plan has
them.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError
from optiq.files import strict_json
from optiq.questions.metric import ADDITIVE, METRICS, QOA, RESOURCE_NAMES, RESOURCES
from optiq.questions.question import Kind
from optiq.questions.question_cells import kind_in, options_in, short
from optiq.scoring import SCORES
from warehouse.ingestion.calls import OF_ONE, Calls, flatten
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.columns import check_columns
from warehouse.ingestion.judging import score_unjudged, with_quality_of_answers
from warehouse.ingestion.notes import Notes
from warehouse.ingestion.plans import COLUMNS as PLANS
from warehouse.ingestion.plans import PlanReader, plan_frame
from warehouse.ingestion.units import KnownRates
from warehouse.landing import trace_columns
from warehouse.rules import (
    ROW,
    Rule,
    as_flag,
    as_number,
    as_text,
    as_time,
    flag_rules,
    judge,
    number_rules,
    since_1970,
    time_rules,
)

# Lowest and highest believable figure of an execution, and what a higher one usually is.
FIGURES: dict[str, tuple[float, float, str]] = {
    **{
        f"{said}{metric.name}": (0, metric.most_of_run, metric.doubt)
        for said in ("", "predicted_")
        for metric in METRICS
    },
    **{metric.limit: (0, 1e12, "") for metric in RESOURCES},
    QOA.limit: (0, QOA.most_of_run, QOA.doubt),
    "agreement": (0, 1, "is it in percent?"),
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
    "qoa_source",
    "reference",
    "snapshot_id",
    "prompt",
    "scores",
    "qoa_metric",
    "judge",
)
_FAULTS = ("plan_fault", "topics_fault", "options_fault", "calls_fault")
_ALLOWED = {
    "kind": (*(kind.value for kind in Kind), "short"),
    "status": ("answered", "failed"),
    "energy_source": ("measured", "predicted"),
    "qoa_source": ("given", "scored"),
}
_FLAT = ("execution_id", *_TEXTS, "kind", "status", "level", "topic_given", *FIGURES, "started_at")
COLUMNS = (*_FLAT, *PLANS, "topics", "options", "calls")
"""The columns that a traces file may have."""


class Traces:
    """Reads the chunks of one traces file. ``source_hash`` names executions that have no id of their own.

    ``judges``: answers with a reference and without a quality are scored here.
    """

    kind = "traces"

    def __init__(
        self,
        path: Path,
        source_hash: str,
        known: KnownRates | None = None,
        today: datetime.date | None = None,
        judges: bool = True,
    ) -> None:
        self._path = path
        self._judges = judges
        self._prefix = source_hash[:16]
        self._known = known or KnownRates()
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._plans = PlanReader()
        self.schema = trace_columns()
        self.notes = Notes()

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if the file has no plan, or a column that looks misspelt."""
        others = [name for name in columns if name not in OF_ONE]
        self.notes.ignore("columns", check_columns(self._path, others, COLUMNS, (), self.kind))
        if not any(name in columns for name in PLANS):
            raise InputError(
                f"{self._path} does not say what answered: it has no column 'model' (and no 'plan' or 'plan_key')",
                "Add a column 'model', the model of each row, or read theirs: --column model=THEIRS. Its columns are "
                f"{', '.join(map(repr, columns)) or 'none'}.",
            )

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The executions of a chunk, in the landing schema, and its rejected rows."""
        table = chunk.frame(_FLAT)
        plans = self._plans.rows(chunk.columns, table.height)
        calls = flatten(chunk, plans, self._plans, self._known, self.notes, self._today)
        topics = [_topics(value) for value in chunk.columns.get("topics", [None] * table.height)]
        table = table.hstack(plan_frame(plans)).with_columns(
            pl.Series("topics_fault", [t if isinstance(t, str) else None for t in topics], dtype=pl.String),
            pl.Series(
                "topics_read",
                [None if isinstance(t, str) else t for t in topics],
                dtype=self.schema["topics"],
            ),
        )
        options, faults = self._options(chunk, table)
        table = table.join(faults, on=ROW, how="left", maintain_order="left")
        table = table.join(calls.faults, on=ROW, how="left", maintain_order="left")
        good, bad = judge(table, self._rules(table))
        rows = self._rows(good, calls, options)
        self._note(good, rows)
        return rows.select(self.schema.names()), chunk.rejects(bad)

    def _rules(self, table: pl.DataFrame) -> list[Rule]:
        schema = table.schema
        rules = [Rule(pl.col(name).is_not_null(), pl.col(name)) for name in _FAULTS]
        if "execution_id" in schema:
            rules.append(
                Rule(
                    as_text("execution_id", schema["execution_id"]).is_null(),
                    pl.lit("execution_id is missing"),
                )
            )
        for name, allowed in _ALLOWED.items():
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
        if "topic" in schema:
            rules += _topic_rules(as_text("topic", schema["topic"]))
        if "level" in schema:
            level = as_text("level", schema["level"])
            reason = pl.format("level is {}, but the plan has level {}", level, pl.col("parsed_level"))
            rules.append(Rule(level != pl.col("parsed_level").cast(pl.String), reason))
        if "topic_given" in schema:
            rules += flag_rules("topic_given", schema["topic_given"])
        if "started_at" in schema:
            rules += time_rules("started_at", schema["started_at"], self._today)
        return rules

    @staticmethod
    def _status(schema: pl.Schema) -> pl.Expr:
        given = [as_text("status", schema["status"])] if "status" in schema else []
        failed = as_text("error", schema["error"]).is_not_null() if "error" in schema else pl.lit(False)
        return pl.coalesce(*given, pl.when(failed).then(pl.lit("failed")).otherwise(pl.lit("answered")))

    @staticmethod
    def _options(chunk: Chunk, table: pl.DataFrame) -> tuple[dict[int, tuple[str, ...]], pl.DataFrame]:
        """Options by row, and the kind that is not given: ``row_number``, ``options_fault``, ``kind_read``."""
        options: dict[int, tuple[str, ...]] = {}
        found: list[tuple[int, str | None, str | None]] = []
        empty: list[Any] = [None] * table.height
        asked = (chunk.columns.get(name, empty) for name in ("options", "kind", "question", "reference"))
        for number, given, kind, question, reference in zip(chunk.numbers, *asked, strict=True):
            try:
                choices = options_in(given)
                if choices:
                    options[number] = choices
                if choices or _blank(kind):
                    asked_kind = kind_in(kind, str(question or ""), choices, reference)
                    found.append((number, None, asked_kind.value))
            except InputError as fault:
                found.append((number, fault.message, None))
        schema = {ROW: pl.Int64, "options_fault": pl.String, "kind_read": pl.String}
        return options, pl.DataFrame(found, schema=schema, orient="row")

    def _rows(self, good: pl.DataFrame, calls: Calls, options: dict[int, tuple[str, ...]]) -> pl.DataFrame:
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
            pl.coalesce(text("kind").replace("short", "open"), "kind_read").alias("kind"),
            pl.col("parsed_key").alias("plan_key"),
            self._status(schema).alias("status"),
            *[number(name).alias(name) for name in FIGURES],
            (as_time("started_at", schema["started_at"]) if "started_at" in schema else pl.lit(None))
            .cast(self.schema["started_at"])
            .alias("started_at"),
            (
                as_flag("topic_given", schema["topic_given"])
                if "topic_given" in schema
                else pl.lit(None, pl.Boolean)
            ).alias("topic_given"),
            pl.col(ROW),
        )
        judged = pl.col("qoa").is_not_null()
        rows = rows.with_columns(pl.when(judged).then(pl.col("qoa_source").fill_null("given")))
        if self._judges:
            rows, flat = score_unjudged(rows, calls.flat, options, self.notes)
            calls = replace(calls, flat=flat)
        calls = replace(calls, flat=with_quality_of_answers(rows, calls.flat))
        rows = rows.join(calls.totals, on=ROW, how="left", maintain_order="left").join(
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
            pl.coalesce("topic_given", pl.col("topic").is_not_null()).alias("topic_given"),
        )
        missing = [name for name in self.schema.names() if name not in rows.columns]
        return rows.with_columns(*[pl.lit(None, self.schema[name]).alias(name) for name in missing])

    def _note(self, good: pl.DataFrame, rows: pl.DataFrame) -> None:
        """What was done with good rows that their sender may not expect."""
        failed, judged = pl.col("status") == "failed", pl.col("qoa").is_not_null()
        alone = judged & ~failed & pl.col("calls").is_null()
        notes = {
            "no started_at: counts as of the night it is merged": pl.col("started_at").is_null(),
            "qoa of a failed run: not counted, there is no answer to judge": failed & judged,
            "error, but the status answered: counts as answered": ~failed & pl.col("error").is_not_null(),
            "qoa without calls: teaches how good the plan is, nothing about tokens and its parts": alone,
        }
        for name in (metric.name for metric in ADDITIVE):
            own, summed = pl.col(name), pl.col(f"calls_{name}")
            off = (own - summed).abs() > 0.01 * pl.max_horizontal(own, summed)
            notes[f"{name} is not the sum of its calls: the row's own counts"] = off
        for what, condition in notes.items():
            self.notes.count_where(what, rows, condition)
        if "started_at" in good.schema and not good.schema["started_at"].is_temporal():
            counted = since_1970("started_at", good.schema["started_at"]).is_not_null()
            self.notes.count_where("started_at is a number: read as a time since 1970", good, counted)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _topic_rules(topic: pl.Expr) -> list[Rule]:
    first = pl.col("topics_read").list.first().struct
    heaviest = pl.col("topics_read").list.eval(
        pl.element()
        .struct.field("topic")
        .filter(pl.element().struct.field("weight") == pl.element().struct.field("weight").max())
    )
    other = pl.format("topic is '{}', but topics puts '{}' first: give one", topic, first.field("topic"))
    reserved = pl.format("topic is '{}', which stands for a task: leave it out if there is none", topic)
    return [
        Rule(topic.is_in(["open", "choice"]), reserved),
        Rule(~heaviest.list.contains(topic) & (topic != "*"), other),
    ]


def _topics(value: Any) -> list[dict[str, Any]] | str | None:
    """Topics with weights that sum to 1, heaviest first; from records, names, or JSON text of either."""
    if isinstance(value, str) and value.strip():
        try:
            value = strict_json.loads(value)
        except (ValueError, RecursionError):
            return "topics is no JSON list"
    if value is None or value == [] or value == "" or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, list):
        return "topics is no list"
    found: dict[str, float] = {}
    for item in value:
        item = {"topic": item} if isinstance(item, str) else item
        if not isinstance(item, dict) or not isinstance(item.get("topic"), str) or not item["topic"].strip():
            return "topics has an entry without a topic"
        if unknown := [name for name, other in item.items() if name not in _TOPIC_KEYS and other is not None]:
            return f"topics has an entry with {short(unknown[0])}: it has topic and weight"
        weight = 1.0 if item.get("weight") is None else item["weight"]
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < 1e300:
            return f"topic {short(item['topic'])} has the weight {short(weight)}"
        name = item["topic"].strip()
        found[name] = found.get(name, 0.0) + float(weight)
    total = sum(found.values())
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [{"topic": name, "weight": weight / total} for name, weight in ranked]


_TOPIC_KEYS = ("topic", "weight")
