"""The calls nested in traces: flattened, judged column by column, completed, and nested again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from optiq.files import strict_json
from optiq.plans.plan import Plan
from optiq.questions.metric import ADDITIVE, METRICS, RESOURCE_NAMES, RESOURCES
from optiq.questions.question_cells import short
from warehouse.ingestion.chunks import Chunk, series
from warehouse.ingestion.columns import did_you_mean, nearest
from warehouse.ingestion.notes import Notes
from warehouse.ingestion.plans import Parsed, PlanReader
from warehouse.ingestion.units import KnownRates
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
    time_rules,
    whole_rules,
)

# Lowest and highest believable figure of a call, and what a higher one usually is.
FIGURES: dict[str, tuple[float, float, str]] = {
    "prompt_tokens": (0, 1e7, "is it a number of characters?"),
    "output_tokens": (0, 1e7, "is it a number of characters?"),
    "thinking_tokens": (0, 1e7, "is it a number of characters?"),
    "logprob_mean": (-1e9, 0, "is it a probability?"),
    "logprob_least": (-1e9, 0, "is it a probability?"),
    "cached_tokens": (0, 1e7, "is it a number of characters?"),
    "prompt_chars": (0, 1e9, ""),
    "max_output_tokens": (0, 1e9, ""),
    **{metric.name: (0, metric.most_of_call, metric.doubt) for metric in RESOURCES},
    "load_s": (0, 3_600, "is it in milliseconds?"),
    "prompt_s": (0, 3_600, "is it in milliseconds?"),
    "output_s": (0, 3_600, "is it in milliseconds?"),
    "queue_s": (0, 3_600, "is it in milliseconds?"),
    "attempts": (0, 1e6, ""),
    **{f"subplan_{metric.name}": (0, metric.most_of_run, metric.doubt) for metric in METRICS},
}
WHOLE = (
    "prompt_tokens",
    "output_tokens",
    "thinking_tokens",
    "cached_tokens",
    "prompt_chars",
    "max_output_tokens",
    "attempts",
)
FLAGS = ("cached", "constrained")
_TEXTS = (
    "model",
    "answered_model",
    "server",
    "digest",
    "finish_reason",
    "output",
    "thinking",
    "error",
    "energy_source",
)
_PART = ("subplan", "subplan_key", "subplan_level")
"""Follow from the plan; where they are given, they must not say something else."""
KEYS = ("node", *_TEXTS, *FIGURES, *FLAGS, "started_at", *_PART)
"""The keys that a call may have."""
OF_ONE = tuple(
    name
    for name in KEYS
    if name not in (*_PART, "node", "model", "error", "energy_source", "started_at", *RESOURCE_NAMES)
    and not name.startswith("subplan_")
)
"""Columns that a row of one model may have in the place of its call."""
_OF_BOTH = ("error", "energy_source", "started_at", *RESOURCE_NAMES)
"""What the run of one model says of its call, too."""
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


def flatten(
    chunk: Chunk, parsed: list[Parsed | str], plans: PlanReader, known: KnownRates, notes: Notes, today: date
) -> Calls:
    """The calls of a chunk's executions, in canonical node order. ``parsed`` are the executions' plans."""
    faults: dict[int, str] = {}
    columns: dict[str, list[Any]] = {ROW: [], "node": [], "plan_model": [], "plan_key": []}
    rows: list[dict[str, Any]] = []
    foreign: dict[str, None] = {}
    wanted = chunk.columns.get("calls", [None] * len(chunk.numbers))
    alone = _said_flat(chunk)
    unassigned = 0
    for number, value, whole, call in zip(chunk.numbers, wanted, parsed, alone, strict=True):
        if isinstance(whole, str):
            continue
        plan, places = whole
        if value is None or value == "":
            if call is None:
                continue
            if plan.k > 1:
                unassigned += 1
                continue
            value = [call]
        try:
            calls = _list_of_calls(value, plan, places)
            for node, call in calls:
                foreign |= dict.fromkeys(_foreign_keys(call))
                _check_part(plan.subplan(node), node, call, plans)
        except ValueError as fault:
            faults[number] = str(fault)
            continue
        for node, call in calls:
            columns[ROW].append(number)
            columns["node"].append(node)
            columns["plan_model"].append(plan.models[node])
            columns["plan_key"].append(plan.key)
            rows.append(call)
    notes.ignore("keys of calls", foreign)
    notes.count("columns of a call, but the plan has several: not read, give calls", unassigned)
    names = [name for name in KEYS if name not in columns and any(name in row for row in rows)]
    frame = pl.DataFrame(
        [
            pl.Series(ROW, columns[ROW], dtype=pl.Int64),
            pl.Series("node", columns["node"], dtype=pl.Int64),
            pl.Series("plan_model", columns["plan_model"], dtype=pl.String),
            pl.Series("plan_key", columns["plan_key"], dtype=pl.String),
            *[series(name, [row.get(name) for row in rows]) for name in names],
        ]
    )
    _, bad = judge(frame, _rules(frame, known, today))
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


def _said_flat(chunk: Chunk) -> list[dict[str, Any] | None]:
    """The call that each row tells of in columns of its own (:data:`OF_ONE`); None where it says nothing of one."""
    own = [name for name in OF_ONE if name in chunk.columns]
    if not own:
        return [None] * len(chunk.numbers)
    names = [*own, *(name for name in _OF_BOTH if name in chunk.columns)]
    found: list[dict[str, Any] | None] = []
    for row in zip(*(chunk.columns[name] for name in names), strict=True):
        call = {
            name: value for name, value in zip(names, row, strict=True) if value is not None and value != ""
        }
        found.append(None if call.keys().isdisjoint(own) else call)
    return found


def _list_of_calls(value: Any, plan: Plan, places: tuple[int, ...]) -> list[tuple[int, dict[str, Any]]]:
    """(canonical node, call) of each call in node order; ``ValueError`` says what is wrong with them."""
    if isinstance(value, str):
        try:
            value = strict_json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("calls is no JSON list") from None
    if not isinstance(value, list) or not all(isinstance(call, dict) for call in value):
        raise ValueError("calls is no list of records")
    found: dict[int, dict[str, Any]] = {}
    for position, call in enumerate(value):
        node = position if call.get("node") is None else call["node"]
        if isinstance(node, str) and node.strip().isdecimal():
            node = int(node)
        if isinstance(node, bool) or not isinstance(node, int | float) or node not in range(plan.k):
            raise ValueError(f"a call has the node {short(node)}; the plan has nodes 0 to {plan.k - 1}")
        if places[int(node)] in found:
            raise ValueError(f"two calls have the node {int(node)}")
        found[places[int(node)]] = call
    return sorted(found.items())


def _foreign_keys(call: dict[str, Any]) -> list[str]:
    """Keys with a value that nobody reads; ``ValueError`` if one is nearly a known one."""
    unknown = [name for name, value in call.items() if name not in KEYS and value is not None]
    for name in unknown:
        close = nearest(name, KEYS)
        if close is not None and call.get(close) is None:
            raise ValueError(f"a call has an unknown key {short(name)}. {did_you_mean(close)}")
    return unknown


def _check_part(part: Plan, node: int, call: dict[str, Any], plans: PlanReader) -> None:
    """``ValueError`` if the call says that another sub-plan ends at it than the plan does."""
    for name in ("subplan", "subplan_key"):
        value = call.get(name)
        if value is not None and value != "" and value != part.key:
            said = plans.parse(value)
            if isinstance(said, str) or said[0] != part:
                raise ValueError(f"call of node {node}: {name} is {short(value)}, the plan says {part.key}")
    level = call.get("subplan_level")
    if level is not None and level != part.level:
        raise ValueError(f"call of node {node}: subplan_level is {short(level)}, the plan says {part.level}")


def _rules(frame: pl.DataFrame, known: KnownRates, today: date) -> list[Rule]:
    schema = frame.schema
    rules = []
    if "model" in schema:
        model = as_text("model", schema["model"])
        other = pl.format(
            "the call of node {} names {}, the plan {}", pl.col("node"), model, pl.col("plan_model")
        )
        rules.append(Rule(model != pl.col("plan_model"), other))
    own = [
        rule
        for name, limits in FIGURES.items()
        if name in schema
        for rule in number_rules(name, schema[name], *limits)
    ]
    own += [rule for name in WHOLE if name in schema for rule in whole_rules(name, schema[name])]
    own += [rule for name in FLAGS if name in schema for rule in flag_rules(name, schema[name])]
    if "started_at" in schema:
        own += time_rules("started_at", schema["started_at"], today)
    rules += [Rule(rule.bad, pl.format("call of node {}: {}", pl.col("node"), rule.reason)) for rule in own]
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
    cached, held = (
        as_flag(name, schema[name]) if name in schema else pl.lit(None, pl.Boolean) for name in FLAGS
    )
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
