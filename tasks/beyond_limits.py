"""Answers that went beyond a limit on their question: limits bind the plan, by what is predicted of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from optiq.questions.metric import BY_LIMIT, COST, LATENCY, RESOURCES
from optiq.questions.question_file import Row

_DID = {COST.limit: "cost more than", LATENCY.limit: "took longer than"}


def beyond_limits(rows: Sequence[Row], answers: pl.DataFrame) -> dict[str, int]:
    """By limit how many answers were seen to spend more, of the limits that any answer went beyond.

    ``answers`` has row_number, status and the observed figures. A figure that is not known went beyond nothing, and a
    floor of QoA is no limit on one answer, which is right or wrong: it is held for what is expected.
    """
    found = {}
    for metric in RESOURCES:
        limits = {
            row.number: limit
            for row in rows
            if row.question is not None and (limit := getattr(row.question.budget, metric.limit)) is not None
        }
        if not limits:
            continue
        given = pl.DataFrame(
            {"row_number": list(limits), "limit": list(limits.values())},
            schema={"row_number": answers.schema["row_number"], "limit": pl.Float64()},
        )
        beyond = pl.col(f"observed_{metric.name}") > pl.col("limit")
        n = (
            answers.filter(pl.col("status") == "answered")
            .join(given, on="row_number")
            .select(beyond.fill_null(False).sum())
            .item()
        )
        if n:
            found[metric.limit] = int(n)
    return found


def beyond_line(found: Mapping[str, int]) -> str:
    """The same in words; empty where every answer kept to its limits."""
    told = [f"{n:,} {_DID.get(limit, 'took more than')} {BY_LIMIT[limit].flag}" for limit, n in found.items()]
    return f"beyond a limit, which binds what is predicted: {', '.join(told)}" if told else ""
