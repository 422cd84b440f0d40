"""Statistics files: means of plans measured elsewhere."""

from __future__ import annotations

import datetime
from pathlib import Path

import polars as pl

from optiq.errors import InputError
from optiq.questions.metric import METRICS
from optiq.questions.question import TASKS
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.columns import check_columns
from warehouse.ingestion.notes import Notes
from warehouse.ingestion.plans import COLUMNS as PLANS
from warehouse.ingestion.plans import PlanReader, plan_frame
from warehouse.ingestion.units import KnownRates
from warehouse.rules import ROW, Rule, as_day, as_number, as_text, day_rules, judge, number_rules, whole_rules

# Lowest and highest believable mean of a plan, and what a higher one usually is.
MEANS: dict[str, tuple[float, float, str]] = {
    **{metric.name: (metric.least_of_plan, metric.most_of_call, metric.doubt) for metric in METRICS},
    "output_tokens": (0, 1e6, "is it a number of characters?"),
    "mean_question_chars": (1, 1e6, "is it a total?"),
}
STATISTIC_COLUMNS = {
    "topic": pl.String,
    "task": pl.String,
    "plan_key": pl.String,
    "n_observations": pl.Int64,
    **dict.fromkeys(MEANS, pl.Float64),
    "source": pl.String,
    "as_of": pl.Date,
    ROW: pl.Int64,
}
COLUMNS = ("topic", "task", *PLANS, "n_observations", *MEANS, "source", "as_of")


class StatisticsFile:
    """Reads the chunks of one statistics file."""

    kind = "statistics"
    schema = pl.Schema(STATISTIC_COLUMNS)

    def __init__(
        self, path: Path, today: datetime.date | None = None, known: KnownRates | None = None
    ) -> None:
        self._path = path
        self._known = known or KnownRates()
        self._today = today or datetime.datetime.now(datetime.UTC).date()
        self._plans = PlanReader()
        self.notes = Notes()

    def check(self, columns: list[str]) -> None:
        """Raise :class:`InputError` if the file has no plan, no figure, or a column that looks misspelt."""
        needed = () if any(name in columns for name in PLANS) else ("plan",)
        self.notes.ignore("columns", check_columns(self._path, columns, COLUMNS, needed, self.kind))
        if not any(name in columns for name in MEANS):
            raise InputError(
                f"{self._path} has no column with a figure", f"Give one or more of {', '.join(MEANS)}."
            )

    def read(self, chunk: Chunk) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The statistics of a chunk (``STATISTIC_COLUMNS``) and its rejected rows."""
        chunk.ensure(MEANS)
        table = chunk.frame(name for name in COLUMNS if name not in PLANS)
        table = table.hstack(plan_frame(self._plans.rows(chunk.columns, table.height)))
        good, bad = judge(table, self._rules(table))
        self._note(good)
        return self._rows(good), chunk.rejects(bad)

    def _rules(self, table: pl.DataFrame) -> list[Rule]:
        schema = table.schema
        rules = [Rule(pl.col("plan_fault").is_not_null(), pl.col("plan_fault"))]
        if "task" in schema:
            task = as_text("task", schema["task"])
            known = task.is_in([*TASKS, "*"])
            rules.append(Rule(~known, pl.format(f"task is '{{}}', not {', '.join(TASKS)} or *", task)))
        if "as_of" in schema:
            rules += day_rules("as_of", schema["as_of"], self._today)
        given = [name for name in MEANS if name in schema]
        for name in given:
            rules += number_rules(name, schema[name], *MEANS[name])
        if "n_observations" in schema:
            rules += number_rules("n_observations", schema["n_observations"], 1, 1e15)
            rules += whole_rules("n_observations", schema["n_observations"])
        nothing = pl.all_horizontal([as_number(name, schema[name]).is_null() for name in given])
        return [*rules, Rule(nothing, pl.lit("no figure is given")), *self._known.rules_of_means(table)]

    def _note(self, good: pl.DataFrame) -> None:
        given = "n_observations" in good.schema
        n = as_number("n_observations", good.schema["n_observations"]) if given else pl.lit(None)
        self.notes.count_where("no n_observations: counts as one", good, n.is_null())

    def _rows(self, good: pl.DataFrame) -> pl.DataFrame:
        schema = good.schema

        def text(name: str, default: str) -> pl.Expr:
            given = [as_text(name, schema[name])] if name in schema else []
            return pl.coalesce(*given, pl.lit(default))

        def number(name: str) -> pl.Expr:
            return as_number(name, schema[name]) if name in schema else pl.lit(None, pl.Float64)

        return good.select(
            text("topic", "*").alias("topic"),
            text("task", "*").alias("task"),
            pl.col("parsed_key").alias("plan_key"),
            number("n_observations").fill_null(1).cast(pl.Int64).alias("n_observations"),
            *[number(name).alias(name) for name in MEANS],
            text("source", self._path.name).alias("source"),
            (as_day("as_of", schema["as_of"]) if "as_of" in schema else pl.lit(None, pl.Date)).alias("as_of"),
            pl.col(ROW),
        )
