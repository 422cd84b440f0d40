"""Units that look wrong by a factor of 1000, judged against what PerfDB knows of the models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from optiq.plans.wired import models_of_key
from optiq.questions.metric import RESOURCE_NAMES, RESOURCES, Metric
from warehouse.rules import ROW, Rule, as_number

# A wrong unit shifts a whole column: most calls of a model are off by about 1000, not one or two of them.
_LOW, _HIGH = 200.0, 5_000.0
_CALLS_NEEDED = 5
_PROMPT_TOKENS, _OUTPUT_TOKENS = 100, 30


class KnownRates:
    """Rates per token of the models in PerfDB: ``{model: {figure: value}}``."""

    def __init__(self, rates: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._rates = {model: dict(figures) for model, figures in (rates or {}).items()}

    @classmethod
    def of(cls, perfdb: Path) -> KnownRates:
        """The rates that a published PerfDB has for any topic; none if there is no PerfDB."""
        from warehouse.connection import reading

        rates: dict[str, dict[str, float]] = {}
        if perfdb.exists():
            with reading(perfdb) as connection:
                query = "select model, metric, value from model_figures where topic = '*' and task = '*'"
                for model, metric, value in connection.execute(query).fetchall():
                    rates.setdefault(model, {})[metric] = value
        return cls(rates)

    @property
    def models(self) -> frozenset[str]:
        """The models that PerfDB has figures of."""
        return frozenset(self._rates)

    def rules(self, calls: pl.DataFrame) -> list[Rule]:
        """Rules on flat calls (``plan_model``, tokens, figures): a column of a model is 1000 times off."""
        schema = calls.schema
        if "prompt_tokens" not in schema or "output_tokens" not in schema:
            return []
        tokens = [as_number(name, schema[name]) for name in ("prompt_tokens", "output_tokens")]
        rules = []
        for metric in RESOURCES:
            name = metric.name
            if name not in schema:
                continue
            value = as_number(name, schema[name])
            expected = sum(
                count * self._rate(rate) for count, rate in zip(tokens, metric.token_rates, strict=True)
            )
            ratio = pl.when((expected > 0) & (value > 0)).then(value / expected)
            middle = ratio.median().over("plan_model")
            enough = ratio.count().over("plan_model") >= _CALLS_NEEDED
            for off, word in (
                (middle.is_between(_LOW, _HIGH), "above"),
                (middle.is_between(1 / _HIGH, 1 / _LOW), "below"),
            ):
                reason = pl.format(
                    f"{name} of {{}} is about 1000 times {word} what PerfDB expects: {metric.doubt}",
                    pl.col("plan_model"),
                )
                rules.append(Rule(off & enough & ratio.is_not_null(), reason))
        return rules

    def rules_of_means(self, table: pl.DataFrame) -> list[Rule]:
        """Rules on means of plans (``parsed_key`` and figures): a figure is 1000 times off.

        What is expected is rough: the known rates of the plan's models, each with a short prompt and answer.
        Real plans may differ from that some ten times, a wrong unit a thousand times.
        """
        expected: dict[str, list[float | None]] = {name: [] for name in RESOURCE_NAMES}
        for key in table["parsed_key"]:
            models = models_of_key(key.split(":", 2)[2]) if key else []
            for metric in RESOURCES:
                parts = [self._mean(model, metric) for model in models]
                known = [part for part in parts if part is not None]
                expected[metric.name].append(sum(known) if known and len(known) == len(parts) else None)
        rules = []
        for metric in RESOURCES:
            name = metric.name
            if name not in table.columns:
                continue
            value = as_number(name, table.schema[name])
            ratio = value / pl.lit(pl.Series(expected[name], dtype=pl.Float64))
            for times, much in ((1.0, "1000"), (1e3, "a million")):
                for off, word in ((ratio / times, "above"), (1 / ratio / times, "below")):
                    text = f"about {much} times {word} what PerfDB expects of these models: {metric.doubt}"
                    reason = pl.format(f"{name} is {{}}, {text}", value)
                    rules.append(Rule((value > 0) & off.is_between(_LOW, _HIGH), reason))
        return rules

    def _mean(self, model: str, metric: Metric) -> float | None:
        """What one call of ``model`` may come to; None if that is not known."""
        rates = self._rates.get(model, {})
        prompt, output = map(rates.get, metric.token_rates)
        if prompt is None or output is None:
            return None
        return (_PROMPT_TOKENS * prompt + _OUTPUT_TOKENS * output) or None

    def doubtful(self, figures: pl.DataFrame) -> pl.DataFrame:
        """Published rates (``model``, ``metric``, ``value``) that are 1000 or a million times off the known ones.

        The rows as ``row_number`` and ``reason``. Only rates per call and token are judged: other figures may
        differ as widely, and what PerfDB does not know is not judged.
        """
        known = [
            (model, metric, value)
            for model, rates in self._rates.items()
            for metric, value in rates.items()
            if "_per_" in metric and metric != "chars_per_token" and value > 0
        ]
        table = pl.DataFrame(
            known, schema={"model": pl.String, "metric": pl.String, "known": pl.Float64}, orient="row"
        )
        ratio = pl.col("value") / pl.col("known")
        reasons = []
        for times, word in ((1e3, "1000"), (1e6, "a million")):
            for off, side in ((ratio / times, "above"), (1 / ratio / times, "below")):
                text = pl.format(
                    f"{{}} of {{}} is {{}}, about {word} times {side} what PerfDB knows: is the unit right?",
                    *("metric", "model", "value"),
                )
                reasons.append(pl.when(off.is_between(0.2, 5)).then(text))
        judged = figures.join(table, on=["model", "metric"]).filter(pl.col("value") > 0)
        judged = judged.select(ROW, pl.coalesce(*reasons, pl.lit(None, pl.String)).alias("reason"))
        return judged.drop_nulls("reason").unique(ROW, keep="first", maintain_order=True)

    def _rate(self, figure: str) -> pl.Expr:
        known = {model: figures[figure] for model, figures in self._rates.items() if figure in figures}
        return pl.col("plan_model").replace_strict(
            list(known), list(known.values()), default=None, return_dtype=pl.Float64
        )
