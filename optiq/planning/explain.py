"""Estimates of given plans for given questions, with the source of each figure, which a search does not carry along."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from optiq.estimation import Estimate, estimate
from optiq.estimation.estimates import Confidence
from optiq.estimation.estimator import Estimator
from optiq.planning.items import BatchItem
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Question

if TYPE_CHECKING:
    import polars as pl


def estimate_items(
    estimator: Estimator,
    items: Sequence[BatchItem],
    plans: Sequence[Sequence[Plan]],
    blender: str | None,
    judged: Sequence[Confidence | None],
) -> list[list[Estimate]]:
    """What the plans given with each item would cost and yield for it, with provenance; ``judged`` with what is said.

    Items that look alike to the estimator (topics, kind, lengths, neighbours) share their estimates.
    """
    known: dict[tuple[object, ...], Estimate] = {}
    found = []
    for item, given, confidence in zip(items, plans, judged, strict=True):
        one, row = estimator.shifted(item.shifts), []
        for plan in given:
            key = item.topics, item.kind, item.shape, item.shifts, confidence, plan
            if key not in known:
                known[key] = estimate(plan, one, item.topics, item.kind, item.shape, blender, confidence)
            row.append(known[key].times(item.factors))
        found.append(row)
    return found


def estimates_frame(rows: Sequence[tuple[Question, Estimate]]) -> pl.DataFrame:
    """One row per question and plan: question_id, plan, plan_key, figures, bounds if there are any, provenance."""
    import polars as pl

    schema = {
        "question_id": pl.String(),
        "plan": pl.String(),
        "plan_key": pl.String(),
        **{f"predicted_{metric}": pl.Float64() for metric in METRIC_NAMES},
        "provenance": pl.String(),
    }
    if any(item.bounds is not None for _, item in rows):
        schema |= {"confidence": pl.Float64(), **{f"bound_{metric}": pl.Float64() for metric in METRIC_NAMES}}
    table = []
    for question, item in rows:
        found = item.to_dict()
        found["plan"] = item.plan.to_json()
        found["provenance"] = json.dumps(found["provenance"], ensure_ascii=False)
        table.append({"question_id": question.question_id, **found})
    return pl.DataFrame(table, schema=schema)
