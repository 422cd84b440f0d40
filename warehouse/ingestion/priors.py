"""Priors files, wide or long, as one row per figure.

Wide: one row per model × topic, a column per figure. Long: one row per figure with ``metric`` and ``value``. Not both.
In both, ``topic`` may be left out (any topic) or given as ``task`` (``open`` or ``choice``).
"""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl

from optiq.errors import InputError
from optiq.plans.plan_checks import can_name_a_model
from optiq.questions.metric import RATES
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.columns import check_columns
from warehouse.ingestion.notes import Notes
from warehouse.ingestion.units import KnownRates
from warehouse.rules import ROW, Rule, as_day, as_number, as_text, day_rules, judge, number_rules

# Highest believable value of each figure, and what a higher one usually is.
FIGURES: dict[str, tuple[float, str]] = {
    **{rate.name: (rate.most, rate.doubt) for rate in RATES},
    "output_tokens": (1_000_000, "is it a number of characters?"),
    "chars_per_token": (100, "is it the inverse?"),
    "qoa": (1, "QoA runs from 0 to 1; divide percent by 100"),
}
PRIOR_COLUMNS = {
    "model": pl.String,
    "topic": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "source": pl.String,
    "as_of": pl.Date,
    ROW: pl.Int64,
}
TASKS = ("open", "choice")
"""The tasks that a prior may hold for: PerfDB keeps them in the place of the topic, where others would be topics."""
_KEYS = ("model", "topic", "task", "source", "as_of")
COLUMNS = (*_KEYS, *FIGURES)
"""The columns that a wide priors file may have."""
_LONG = ("metric", "value")
REPEATS = "repeats figures of earlier rows: adds nothing"
_SAME = ("model", "topic", "metric", "as_of", "source")


class Priors:
    """Reads the chunks of one priors file; remembers its figures, so that one given twice is noticed."""

    kind = "priors"
    schema = pl.Schema(PRIOR_COLUMNS)

    def __init__(
        self, path: Path, today: datetime.date | None = None, known: KnownRates | None = None
    ) -> None:
        self._known = known or KnownRates()
        self._path = path
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._seen: dict[tuple, tuple[float, int]] = {}
        self._long = False
        self.notes = Notes()

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if the file has no model, no figure, or a column that looks misspelt."""
        self._long = all(name in columns for name in _LONG)
        if self._long and (wide := [name for name in FIGURES if name in columns]):
            raise InputError(
                f"{self._path} has the columns metric and value, and {wide[0]} too",
                "Give one figure per row, or one column per figure.",
            )
        known = [*_KEYS, *(_LONG if self._long else FIGURES)]
        self.notes.ignore("columns", check_columns(self._path, columns, known, ("model",), self.kind))
        if not self._long and not any(name in FIGURES for name in columns):
            raise InputError(
                f"{self._path} has no column with a figure", f"Give one or more of {', '.join(FIGURES)}."
            )

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The figures of a chunk (``PRIOR_COLUMNS``) and its rejected rows."""
        chunk.ensure(("model", *(_LONG if self._long else FIGURES)))
        table = chunk.frame((*_KEYS, *(_LONG if self._long else FIGURES)))
        good, bad = judge(table, _rules(table, self._long, self._today))
        figures = _figures(good, self._long, self._path.name)
        figures, repeats = self._without_repeats(figures)
        doubtful = self._known.doubtful(figures)
        figures = figures.join(doubtful, on=ROW, how="anti", maintain_order="left")
        return figures, chunk.rejects(pl.concat([bad, repeats, doubtful]))

    def _without_repeats(self, figures: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Keep the first of figures given twice; reject the rows that disagree with an earlier one."""
        kept: list[int] = []
        same: dict[int, bool] = {}
        bad: dict[int, str] = {}
        for place, (*key, value, row) in enumerate(figures.select(*_SAME, "value", ROW).iter_rows()):
            first, first_row = self._seen.setdefault(tuple(key), (value, row))
            new = first_row == row
            same[row] = same.get(row, True) and not new
            if new:
                kept.append(place)
            elif value != first:
                bad.setdefault(row, f"{key[2]} differs from row {first_row}, which is about the same")
        repeats = pl.DataFrame(list(bad.items()), schema={ROW: pl.Int64, "reason": pl.String}, orient="row")
        self.notes.count(REPEATS, sum(whole and row not in bad for row, whole in same.items()))
        return figures[kept].filter(~pl.col(ROW).is_in(list(bad))), repeats


def _rules(table: pl.DataFrame, long: bool, today: datetime.date) -> list[Rule]:
    schema = table.schema
    model = as_text("model", schema["model"])
    names = table.select(model).to_series().drop_nulls().unique()
    unusable = [name for name in names if not can_name_a_model(name)]
    rules = [
        Rule(model.is_null(), pl.lit("no model is named")),
        Rule(model.is_in(unusable), pl.format("'{}' cannot name a model", model)),
    ]
    if "task" in schema:
        task = as_text("task", schema["task"])
        rules.append(Rule(~task.is_in(TASKS), pl.format("task is '{}', not " + ", ".join(TASKS), task)))
        if "topic" in schema:
            topic = as_text("topic", schema["topic"])
            both = task.is_not_null() & topic.is_not_null() & (topic != "*") & (topic != task)
            rules.append(Rule(both, pl.lit("topic and task are both given: give one")))
    if "as_of" in schema:
        rules += day_rules("as_of", schema["as_of"], today)
    if long:
        metric = as_text("metric", schema["metric"])
        known = pl.format("metric is '{}', not one of " + ", ".join(FIGURES), metric.fill_null(""))
        rules.append(Rule(~metric.is_in(list(FIGURES)).fill_null(False), known))
        rules += number_rules("value", schema["value"], 0)
        value = as_number("value", schema["value"])
        rules.append(Rule(value.is_null(), pl.lit("value is missing")))
        for name, (high, hint) in FIGURES.items():
            too_high = pl.format(f"{name} is {{}}, above {high:g}: {hint}", value)
            rules.append(Rule((metric == name) & (value > high), too_high))
        return rules
    given = [name for name in FIGURES if name in schema]
    for name in given:
        rules += number_rules(name, schema[name], 0, *FIGURES[name])
    nothing = pl.all_horizontal([as_number(name, schema[name]).is_null() for name in given])
    return [*rules, Rule(nothing, pl.lit("no figure is given"))]


def _figures(good: pl.DataFrame, long: bool, file: str) -> pl.DataFrame:
    schema = good.schema
    topic = [as_text(name, schema[name]).replace("*", None) for name in ("topic", "task") if name in schema]
    source = [as_text("source", schema["source"])] if "source" in schema else []
    keys = [
        as_text("model", schema["model"]).alias("model"),
        pl.coalesce(*topic, pl.lit("*")).alias("topic"),
        pl.coalesce(*source, pl.lit(file)).alias("source"),
        (as_day("as_of", schema["as_of"]) if "as_of" in schema else pl.lit(None, pl.Date)).alias("as_of"),
        pl.col(ROW),
    ]
    if long:
        values = good.select(
            *keys,
            as_text("metric", schema["metric"]).alias("metric"),
            as_number("value", schema["value"]).alias("value"),
        )
    else:
        given = [name for name in FIGURES if name in schema]
        wide = good.select(*keys, *[as_number(name, schema[name]).alias(name) for name in given])
        index = ["model", "topic", "source", "as_of", ROW]
        values = wide.unpivot(given, index=index, variable_name="metric", value_name="value")
    return values.select(*PRIOR_COLUMNS).drop_nulls("value").sort(ROW, "metric")
