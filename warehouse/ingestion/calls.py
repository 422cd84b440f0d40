"""The calls nested in traces: flattened, judged column by column, completed, and nested again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from optiq.plans.plan import Plan
from optiq.questions.metric import ADDITIVE, METRICS, RESOURCE_NAMES, RESOURCES
from warehouse.ingestion.chunks import Chunk, series
from warehouse.ingestion.plans import PlanReader
from warehouse.ingestion.units import KnownRates
from warehouse.rules import ROW, Rule, as_number, as_text, as_time, judge, number_rules

# Lowest and highest believable figure of a call, and what a higher one usually is.
FIGURES: dict[str, tuple[float, float, str]] = {
    "prompt_tokens": (0, 1e7, "is it a number of characters?"),
    "output_tokens": (0, 1e7, "is it a number of characters?"),
    "cached_tokens": (0, 1e7, "is it a number of characters?"),
    "prompt_chars": (0, 1e9, ""),
    "max_output_tokens": (0, 1e9, ""),
    **{metric.name: (0, metric.most_of_call, metric.doubt) for metric in RESOURCES},
    "load_s": (0, 3_600, "is it in milliseconds?"),
    "prompt_s": (0, 3_600, "is it in milliseconds?"),
    "output_s": (0, 3_600, "is it in milliseconds?"),
    "attempts": (0, 1e6, ""),
    **{f"subplan_{metric.name}": (0, metric.most_of_run, metric.doubt) for metric in METRICS},
}
_TEXTS = ("model", "answered_model", "server", "digest", "finish_reason", "output", "error", "energy_source")
_LONGEST = tuple(metric.name for metric in RESOURCES if metric.adds == "path")


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of a chunk, one a row (``flat``), what is wrong with them per execution (``faults``), and the
    executions' figures that follow from them (``totals``: ``calls_cost_usd`` and so on)."""

    flat: pl.DataFrame
    faults: pl.DataFrame
    totals: pl.DataFrame

    def nested(self, dtype: Any) -> pl.DataFrame:
        """One row per execution with ``calls`` as the list that landed traces have."""
        fields = {field.name: field.dtype for field in dtype.inner.fields}
        known = self.flat.with_columns(
            *[
                pl.lit(None, kind).alias(name)
                for name, kind in fields.items()
                if name not in self.flat.columns
            ]
        )
        call = pl.struct([pl.col(name).cast(kind) for name, kind in fields.items()])
        return known.group_by(ROW, maintain_order=True).agg(call.alias("calls"))


def flatten(chunk: Chunk, plans: PlanReader, known: KnownRates) -> Calls:
    """The calls of a chunk's executions, in canonical node order."""
    faults: dict[int, str] = {}
    columns: dict[str, list[Any]] = {ROW: [], "node": [], "plan_model": [], "plan_key": []}
    rows: list[dict[str, Any]] = []
    wanted = chunk.columns.get("calls", [None] * len(chunk.numbers))
    given = zip(chunk.numbers, wanted, PlanReader._values(chunk.columns, len(chunk.numbers)), strict=True)
    for number, value, plan_value in given:
        parsed = plans.parse(plan_value)
        if value is None or value == "" or isinstance(parsed, str):
            continue
        calls = _list_of_calls(value, *parsed)
        if isinstance(calls, str):
            faults[number] = calls
            continue
        for node, call in calls:
            columns[ROW].append(number)
            columns["node"].append(node)
            columns["plan_model"].append(parsed[0].models[node])
            columns["plan_key"].append(parsed[0].key)
            rows.append(call)
    names = dict.fromkeys(name for row in rows for name in row if name not in columns)
    frame = pl.DataFrame(
        [
            pl.Series(ROW, columns[ROW], dtype=pl.Int64),
            pl.Series("node", columns["node"], dtype=pl.Int64),
            pl.Series("plan_model", columns["plan_model"], dtype=pl.String),
            pl.Series("plan_key", columns["plan_key"], dtype=pl.String),
            *[series(name, [row.get(name) for row in rows]) for name in names],
        ]
    )
    _, bad = judge(frame, _rules(frame, known))
    flat = _typed(frame)
    for number, reason in bad.unique(ROW, keep="first", maintain_order=True).rows():
        faults.setdefault(number, reason)
    parts = _parts(flat)
    flat = flat.join(parts, on=[ROW, "node"], how="left", maintain_order="left")
    flat = flat.with_columns(
        *[pl.coalesce(f"subplan_{name}", f"part_{name}").alias(f"subplan_{name}") for name in RESOURCE_NAMES]
    )
    table = pl.DataFrame(list(faults.items()), schema={ROW: pl.Int64, "calls_fault": pl.String}, orient="row")
    return Calls(flat, table, _totals(flat))


def _list_of_calls(value: Any, plan: Plan, places: tuple[int, ...]) -> list[tuple[int, dict[str, Any]]] | str:
    """(canonical node, call) of each call in node order, or what is wrong with them."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return "calls is no JSON list"
    if not isinstance(value, list) or not all(isinstance(call, dict) for call in value):
        return "calls is no list of records"
    found: dict[int, dict[str, Any]] = {}
    for position, call in enumerate(value):
        node = call.get("node", position)
        if isinstance(node, str) and node.strip().isdigit():
            node = int(node)
        if isinstance(node, bool) or not isinstance(node, int | float) or node not in range(plan.k):
            return f"a call has the node {node!r}; the plan has nodes 0 to {plan.k - 1}"
        if places[int(node)] in found:
            return f"two calls have the node {int(node)}"
        found[places[int(node)]] = call
    return sorted(found.items())


def _rules(frame: pl.DataFrame, known: KnownRates) -> list[Rule]:
    schema = frame.schema
    rules = []
    if "model" in schema:
        model = as_text("model", schema["model"])
        other = pl.format(
            "the call of node {} names {}, the plan {}", pl.col("node"), model, pl.col("plan_model")
        )
        rules.append(Rule(model != pl.col("plan_model"), other))
    for name, limits in FIGURES.items():
        if name in schema:
            rules += [
                Rule(rule.bad, pl.format("call of node {}: {}", pl.col("node"), rule.reason))
                for rule in number_rules(name, schema[name], *limits)
            ]
    return [*rules, *known.rules(frame)]


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    schema = frame.schema
    expressions = [pl.col(ROW), pl.col("node"), pl.col("plan_key")]
    for name in _TEXTS:
        text = as_text(name, schema[name]) if name in schema else pl.lit(None, pl.String)
        expressions.append((pl.coalesce(text, "plan_model") if name == "model" else text).alias(name))
    for name in FIGURES:
        number = as_number(name, schema[name]) if name in schema else pl.lit(None, pl.Float64)
        expressions.append(number.fill_nan(None).alias(name))
    cached = pl.col("cached") if schema.get("cached") == pl.Boolean else pl.lit(False)
    held = pl.col("constrained") if schema.get("constrained") == pl.Boolean else pl.lit(None, pl.Boolean)
    time = as_time("started_at", schema["started_at"]) if "started_at" in schema else pl.lit(None)
    expressions += [
        cached.fill_null(False).alias("cached"),
        held.alias("constrained"),
        time.cast(pl.Datetime("us", "UTC")).alias("started_at"),
    ]
    keys = frame["plan_key"].unique().to_list()
    known = pl.DataFrame(
        [
            (key, node, part.to_json(), part.key, part.level)
            for key in keys
            for plan in [Plan.from_key(key)]
            for node in range(plan.k)
            for part in [plan.subplan(node)]
        ],
        schema={
            "plan_key": pl.String,
            "node": pl.Int64,
            "subplan": pl.String,
            "subplan_key": pl.String,
            "subplan_level": pl.Int64,
        },
        orient="row",
    )
    return frame.select(expressions).join(known, on=["plan_key", "node"], how="left", maintain_order="left")


def _parts(flat: pl.DataFrame) -> pl.DataFrame:
    """Figures of the sub-plan that ends at each node, null where one of its calls has none.

    Some metrics (cost, energy) add over the nodes; others (latency) are the longest path.
    """
    paths = pl.DataFrame(
        [
            (key, node, path, member)
            for key in flat["plan_key"].unique().to_list()
            for plan in [Plan.from_key(key)]
            for node in range(plan.k)
            for path, nodes in enumerate([plan.closure(node), *_paths(plan, node)])
            for member in nodes
        ],
        schema={"plan_key": pl.String, "node": pl.Int64, "path": pl.Int64, "member": pl.Int64},
        orient="row",
    )
    figures = flat.filter(pl.col("error").is_null()).select(
        ROW, pl.col("node").alias("member"), *RESOURCE_NAMES
    )
    sums = (
        flat.select(ROW, "node", "plan_key")
        .join(paths, on=["plan_key", "node"])
        .join(figures, on=[ROW, "member"], how="left")
        .group_by(ROW, "node", "path")
        .agg(*[_sum_if_known(name) for name in RESOURCE_NAMES])
    )
    whole = sums.filter(pl.col("path") == 0).select(
        ROW, "node", *[pl.col(metric.name).alias(f"part_{metric.name}") for metric in ADDITIVE]
    )
    longest = (
        sums.filter(pl.col("path") > 0)
        .group_by(ROW, "node")
        .agg(
            *[
                pl.when(pl.col(name).null_count() == 0).then(pl.col(name).max()).alias(f"part_{name}")
                for name in _LONGEST
            ]
        )
    )
    return whole.join(longest, on=[ROW, "node"])


def _paths(plan: Plan, node: int) -> list[tuple[int, ...]]:
    """Every path from a node without predecessors to ``node``."""
    before = plan.predecessors(node)
    if not before:
        return [(node,)]
    return [(*path, node) for v in before for path in _paths(plan, v)]


def _sum_if_known(name: str) -> pl.Expr:
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)


def _totals(flat: pl.DataFrame) -> pl.DataFrame:
    """What the calls of an execution come to, null where one is unknown; latency up to the last node."""
    last = flat.group_by(ROW).agg(
        *[_sum_if_known(metric.name).alias(f"calls_{metric.name}") for metric in ADDITIVE]
    )
    ends = flat.filter(pl.col("subplan_key") == pl.col("plan_key")).select(
        ROW, *[pl.col(f"subplan_{name}").alias(f"calls_{name}") for name in _LONGEST]
    )
    return last.join(ends, on=ROW, how="left")
