"""Recorded executions as arrays: what each plan cost and yielded on each question.

Several executions of one plan on one question are one cell with their means: a policy cannot choose among
them, and the mean is what choosing the plan is worth. A cell without an execution is NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Kind, Question

if TYPE_CHECKING:
    import polars as pl

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

QOA = METRIC_NAMES.index("qoa")


@dataclass(frozen=True, slots=True)
class Token:
    """Tokens and figures of one recorded call, from which rates and output lengths are learned."""

    question: int
    model: str
    kind: str
    n_predecessors: int
    prompt_tokens: float
    output_tokens: float
    cost_usd: float
    latency_s: float
    energy_j: float


class Outcomes:
    """Questions × plans → means of the four metrics, numbers of executions and answers.

    ``values`` (questions, plans, 4) in the order of :data:`~optiq.questions.metric.METRICS`, ``counts`` (questions,
    plans), ``answers`` by (question, plan) where they are known, ``calls`` of all questions.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        plans: Sequence[Plan],
        values: FloatArray,
        counts: IntArray,
        answers: dict[tuple[int, int], str],
        calls: Sequence[Token],
    ) -> None:
        self.questions = tuple(questions)
        self.plans = tuple(plans)
        self.values = values
        self.counts = counts
        self.answers = answers
        self.calls = tuple(calls)
        self.derived: dict[object, Any] = {}
        """What was worked out from these outcomes, so that policies that learn from them share it."""

    @property
    def qoa(self) -> FloatArray:
        """(questions, plans): mean quality."""
        return self.values[:, :, QOA]

    @property
    def cost(self) -> FloatArray:
        """(questions, plans): mean USD."""
        return self.values[:, :, 0]

    @cached_property
    def number(self) -> dict[Plan, int]:
        """The column of each plan."""
        return {plan: index for index, plan in enumerate(self.plans)}

    @cached_property
    def singles(self) -> IntArray:
        """The columns of plans that are one call."""
        return np.array([i for i, plan in enumerate(self.plans) if plan.k == 1], dtype=np.int64)

    def scored(self, question: int) -> IntArray:
        """The plans that were run on a question and judged, ascending."""
        return np.flatnonzero(~np.isnan(self.qoa[question]))

    def only(self, rows: Iterable[int]) -> Outcomes:
        """The same plans on some of the questions: the history of a fold."""
        kept = np.array(sorted(rows), dtype=np.int64)
        place = {int(old): new for new, old in enumerate(kept)}
        return Outcomes(
            [self.questions[i] for i in kept],
            self.plans,
            self.values[kept],
            self.counts[kept],
            {(place[q], p): text for (q, p), text in self.answers.items() if q in place},
            [replace(call, question=place[call.question]) for call in self.calls if call.question in place],
        )

    @classmethod
    def from_traces(cls, traces: pl.DataFrame) -> Outcomes:
        """The outcomes in a frame of traces (columns of ``TRACE_SCHEMA``); those without a QoA are left out.

        Questions are told apart by ``question_id``, or by their text where they have none. A row may stand for
        several executions (``n_executions``, of which its figures are means). Raises
        :class:`~optiq.errors.InputError` if nothing was judged.
        """
        import polars as pl

        names = {"question_id", "question", "topic", "topics", "kind", "plan_key", "answer", "calls"}
        names |= {*METRIC_NAMES, "n_executions"}
        table = traces.select([n for n in traces.columns if n in names]).filter(pl.col("qoa").is_not_null())
        if table.height == 0:
            raise InputError(
                "no execution in the traces was judged: all lack a qoa",
                "Score the answers first, or give traces of questions that have a reference.",
            )
        rows = table.to_dicts()
        ids = [str(row["question_id"] or row["question"]) for row in rows]
        order = sorted(set(ids))
        number = {name: index for index, name in enumerate(order)}
        plans = sorted({Plan.from_key(row["plan_key"]) for row in rows}, key=lambda plan: plan.order)
        column = {plan.key: index for index, plan in enumerate(plans)}
        asked: dict[int, Question] = {}
        sums = np.zeros((len(order), len(plans), len(METRIC_NAMES)))
        known = np.zeros_like(sums)
        counts = np.zeros((len(order), len(plans)), dtype=np.int64)
        said: dict[tuple[int, int], list[str]] = {}
        calls: list[Token] = []
        for name, row in zip(ids, rows, strict=True):
            q, p = number[name], column[row["plan_key"]]
            asked.setdefault(q, _asked(name, row))
            n = row.get("n_executions") or 1
            counts[q, p] += n
            for m, metric in enumerate(METRIC_NAMES):
                if row.get(metric) is not None:
                    sums[q, p, m] += n * row[metric]
                    known[q, p, m] += n
            if row.get("answer"):
                said.setdefault((q, p), []).append(row["answer"])
            calls += _calls(q, plans[p], asked[q].kind, row.get("calls") or [])
        with np.errstate(invalid="ignore"):
            values = np.where(known > 0, sums / np.maximum(known, 1), np.nan)
        answers = {cell: max(sorted(set(texts)), key=texts.count) for cell, texts in said.items()}
        return cls([asked[q] for q in range(len(order))], plans, values, counts, answers, calls)


def _asked(name: str, row: dict[str, Any]) -> Question:
    topics: tuple[tuple[str, float], ...] = ()
    if row.get("topics"):
        topics = tuple((item["topic"], item["weight"]) for item in row["topics"])
    elif row.get("topic") and row["topic"] != "*":
        topics = ((row["topic"], 1.0),)
    return Question(name, row.get("question") or "", topics, kind=Kind(row.get("kind") or "open"))


def _calls(question: int, plan: Plan, kind: Kind, rows: list[dict[str, Any]]) -> list[Token]:
    def number(row: dict[str, Any], name: str) -> float:
        return float("nan") if row.get(name) is None else float(row[name])

    return [
        Token(
            question,
            row["model"],
            kind.value,
            len(plan.predecessors(row["node"])) if 0 <= row["node"] < plan.k else 0,
            *(number(row, name) for name in ("prompt_tokens", "output_tokens", *METRIC_NAMES[:-1])),
        )
        for row in rows
        if row.get("model") and row.get("error") is None
    ]
