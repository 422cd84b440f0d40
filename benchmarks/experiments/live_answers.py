"""Answers files of live runs, as rows of a replay and as outcomes that other policies are replayed on."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.replay import frame_schema
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Budget, Question


def frame_of(
    answers: pl.DataFrame, policy: str, questions: Sequence[Question], budget: Budget
) -> pl.DataFrame:
    """One row per question, with the columns of :func:`optiq.evaluation.replay.replay`."""
    asked = pl.DataFrame(
        {
            "question_id": [question.question_id for question in questions],
            "kind": [question.kind.value for question in questions],
        }
    )
    limits = {"cost_usd": budget.max_cost_usd, "latency_s": budget.max_latency_s}
    within = pl.lit(True)
    for metric, limit in limits.items():
        if limit is not None:
            within &= (pl.col(f"observed_{metric}") <= limit).fill_null(False)
    answered = pl.col("status") == "answered"
    operations = pl.col("plan_key").str.split(":").list.first().cast(pl.Int64)
    table = asked.join(answers, on="question_id", how="left", maintain_order="left")
    return table.select(
        policy=pl.lit(policy),
        hindsight=pl.lit(False),
        repeat=pl.lit(0, pl.Int64()),
        fold=pl.lit(0, pl.Int64()),
        question_id=pl.col("question_id"),
        topic=pl.lit(None, pl.String()),
        kind=pl.col("kind"),
        status=pl.col("status").fill_null("failed"),
        plan_key=pl.col("plan_key"),
        called=pl.when(answered).then(operations).otherwise(0),
        within_budget=pl.when(answered).then(within),
        **{f"{kind}_{m}": pl.col(f"{kind}_{m}") for kind in ("predicted", "observed") for m in METRIC_NAMES},
    ).cast(dict(frame_schema()))  # type: ignore[arg-type]


def outcomes_of(tables: Sequence[pl.DataFrame], questions: Sequence[Question]) -> Outcomes:
    """What every plan that was run cost and yielded, as outcomes of a recording."""
    texts = pl.DataFrame(
        {
            "question_id": [question.question_id for question in questions],
            "question": [question.text for question in questions],
            "kind": [question.kind.value for question in questions],
        }
    )
    columns = [
        "question_id",
        "plan_key",
        "answer",
        "topics",
        *(f"observed_{metric}" for metric in METRIC_NAMES),
    ]
    rows = pl.concat([table.filter(pl.col("status") == "answered").select(columns) for table in tables])
    rows = rows.rename({f"observed_{metric}": metric for metric in METRIC_NAMES})
    joined = texts.join(rows, on="question_id", maintain_order="left_right")
    return Outcomes.from_traces(joined)
