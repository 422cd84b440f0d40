"""What a replay comes to: means per question with intervals, and the difference to the best single model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optiq.evaluation.intervals import Interval, interval, paired
from optiq.evaluation.outcomes import FloatArray
from optiq.questions.metric import METRIC_NAMES

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Line:
    """One policy on one kind of question. Means are over the questions that it answered.

    ``versus`` is the paired difference in quality to the reference policy on questions that both answered;
    ``adherence`` the share of answered questions within the limits; ``error`` the mean distance between predicted
    and observed quality of the picks.
    """

    policy: str
    kind: str
    hindsight: bool
    questions: int
    answered: float
    qoa: Interval
    versus: Interval
    cost_usd: float
    latency_s: float
    energy_j: float
    calls: float
    adherence: float
    error: float


def summarise(frame: pl.DataFrame, reference: str = "best-single", seed: int = 0) -> list[Line]:
    """Lines in the order of the policies, kinds within each; hindsight last.

    Repeats are averaged per question before intervals are drawn: a question that is answered ten times is one
    observation.
    """
    import polars as pl

    figures = list(METRIC_NAMES)
    per_question = frame.group_by("policy", "hindsight", "kind", "question_id", maintain_order=True).agg(
        *[pl.col(f"observed_{name}").mean() for name in figures],
        (pl.col("status") == "answered").mean().alias("answered"),
        pl.col("called").filter(pl.col("status") == "answered").mean(),
        pl.col("within_budget").cast(pl.Float64).mean(),
        (pl.col("predicted_qoa") - pl.col("observed_qoa")).abs().mean().alias("error"),
    )
    base = per_question.filter(pl.col("policy") == reference).select(
        "question_id", pl.col("observed_qoa").alias("base")
    )
    table = per_question.join(base, on="question_id", how="left", maintain_order="left")
    lines = []
    for (policy, hindsight, kind), part in table.group_by("policy", "hindsight", "kind", maintain_order=True):
        values, others = _numbers(part, "observed_qoa"), _numbers(part, "base")
        lines.append(
            Line(
                str(policy),
                str(kind),
                bool(hindsight),
                part.height,
                float(_mean(part, "answered")),
                interval(values, seed),
                paired(values, others, seed),
                _mean(part, "observed_cost_usd"),
                _mean(part, "observed_latency_s"),
                _mean(part, "observed_energy_j"),
                _mean(part, "called"),
                _mean(part, "within_budget"),
                _mean(part, "error"),
            )
        )
    return sorted(lines, key=lambda line: (line.kind, line.hindsight))


def _numbers(part: pl.DataFrame, name: str) -> FloatArray:
    return part[name].cast(float).fill_null(np.nan).to_numpy().astype(np.float64)


def _mean(part: pl.DataFrame, name: str) -> float:
    values = _numbers(part, name)
    return float(np.nanmean(values)) if (~np.isnan(values)).any() else float("nan")
