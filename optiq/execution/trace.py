"""What is known of an execution: one row, with its calls nested.

As a frame it has the columns of :mod:`optiq.questions.trace_schema`. Figures that are not known are null.

Three times are kept apart: ``latency_s`` of a call is the time that the loaded model took, which is what
estimates are about; ``load_s`` is the time that loading it took before, ``queue_s`` that in which it waited in the
server's queue behind other calls of ours (None: the server does not tell). ``wall_s`` of an execution has all, and the
waiting for a free slot here.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import lru_cache
from typing import Any

import polars as pl

from optiq.execution.ledger import Amount, Hold
from optiq.plans.plan import Plan
from optiq.questions.metric import LIMITS, METRIC_NAMES
from optiq.questions.question import Question
from optiq.questions.trace_schema import CALL_SCHEMA, TOPIC_SCHEMA, TRACE_SCHEMA
from optiq.scoring import Scores

ANSWERED = "answered"
FAILED = "failed"
OVER_LIMIT = "over limit"
"""Not executed: a total limit of the run leaves too little. Such an execution is no trace."""


@dataclass(slots=True)
class Call:
    """One call of a model at one node, and the sub-plan that ends there.

    ``model`` is the one asked for, ``answered_model`` the one that answered; ``prompt_chars`` the length of
    the prompt before the server's own template. If the call failed, ``error`` says why and figures are None; ``fault``
    is the error itself where there is one.
    ``cached_tokens`` of the ``prompt_tokens`` were in the server's prompt cache (None: it does not say).
    ``cached``: the output is that of an earlier, identical call, with the figures that it had then.
    ``thinking`` is what the model thought before ``output``: ``output_tokens`` have its tokens, ``thinking_tokens`` of
    them if the server counts them apart. ``refusal`` are the words of a refusal that is no output.
    ``constrained``: the server held the output to the letters of the options (None: not asked to). ``drawn``
    is what the ledger holds for the call, ``lost`` what attempts whose answer was lost on the
    way may have cost, or one whose tokens nobody counted.
    """

    node: int
    model: str
    started_at: datetime
    subplan: Plan
    prompt_chars: int
    max_output_tokens: int | None = None
    answered_model: str | None = None
    server: str | None = None
    digest: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    thinking_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    load_s: float | None = None
    prompt_s: float | None = None
    output_s: float | None = None
    queue_s: float | None = None
    energy_j: float | None = None
    energy_source: str | None = None
    finish_reason: str | None = None
    output: str | None = None
    thinking: str | None = None
    logprob_mean: float | None = None
    logprob_least: float | None = None
    refusal: str | None = None
    error: str | None = None
    fault: Exception | None = None
    cached: bool = False
    constrained: bool | None = None
    attempts: int = 1
    drawn: Hold | None = None
    lost: Amount = field(default_factory=Amount)
    subplan_cost_usd: float | None = None
    subplan_latency_s: float | None = None
    subplan_energy_j: float | None = None
    subplan_qoa: float | None = None

    def to_row(self) -> dict[str, Any]:
        """The struct of ``TRACE_SCHEMA``."""
        row = {name: getattr(self, name) for name in _CALL_FIELDS}
        row["subplan"], row["subplan_key"], row["subplan_level"] = plan_columns(self.subplan)
        return row


_CALL_FIELDS = tuple(f.name for f in fields(Call) if f.name in CALL_SCHEMA and f.name != "subplan")


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the planner expected of the plan; ``None`` where it expected nothing."""

    cost_usd: float | None = None
    latency_s: float | None = None
    energy_j: float | None = None
    qoa: float | None = None

    @classmethod
    def of(cls, estimate: Any) -> Predicted:
        """From an :class:`~optiq.estimation.Estimate`, whose unknown figures are NaN; or from None."""
        values = {f.name: getattr(estimate, f.name, None) for f in fields(cls)}
        return cls(**{name: None if v is None or math.isnan(v) else float(v) for name, v in values.items()})


@dataclass(frozen=True, slots=True)
class Partial:
    """The answer of a node before the last: what is left of a plan that could not be finished."""

    node: int
    model: str
    answer: str


@dataclass(slots=True)
class Execution:
    """One run of a plan on a question. ``calls`` are in node order; a node never reached has none.

    ``cost_usd`` and ``energy_j`` add the calls that answered, of a failed execution too; they are ``None``
    if one of them is. ``latency_s`` is the longest path through the plan, ``None`` unless all nodes answered.
    ``prompt`` names the prompt set and its version.
    """

    question: Question
    plan: Plan
    run_id: str
    started_at: datetime
    status: str = FAILED
    answer: str | None = None
    error: str | None = None
    cost_usd: float | None = None
    latency_s: float | None = None
    wall_s: float | None = None
    energy_j: float | None = None
    energy_source: str | None = None
    scores: Scores = field(default_factory=Scores)
    predicted: Predicted = field(default_factory=Predicted)
    snapshot_id: str | None = None
    prompt: str | None = None
    calls: list[Call] = field(default_factory=list)
    execution_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    partial: Partial | None = None
    judge: str | None = None
    agreement: float | None = None

    @property
    def spent(self) -> Amount:
        """What this execution added to the bill: calls that were answered, but for cached ones."""
        paid = [call for call in self.calls if call.error is None and not call.cached]
        return Amount(sum(call.cost_usd or 0.0 for call in paid), sum(call.energy_j or 0.0 for call in paid))

    @property
    def qoa(self) -> float | None:
        """The score that counts (:mod:`optiq.scoring`), ``None`` without a reference."""
        return self.scores.qoa

    @property
    def qoa_source(self) -> str | None:
        """``scored`` by our rules, or ``given`` by who measured it; ``None`` without a quality."""
        if self.qoa is None:
            return None
        scored = self.scores.metric is not None or any(s is not None for s in self.scores.columns().values())
        return "scored" if scored else "given"

    @property
    def topic(self) -> str | None:
        """The topic with the highest weight, the first of several; ``None`` if there is none."""
        return main_topic(self.question)

    def to_row(self) -> dict[str, Any]:
        """The row of ``TRACE_SCHEMA``."""
        row = {name: getattr(self, name) for name in _EXECUTION_FIELDS}
        row["plan"], row["plan_key"], row["level"] = plan_columns(self.plan)
        row |= {
            "question_id": self.question.question_id,
            "question": self.question.text,
            "topic": self.topic,
            "topics": [{"topic": name, "weight": weight} for name, weight in self.question.topics],
            "topic_given": bool(self.question.topics) and not self.question.topics_inferred,
            "kind": self.question.kind.value,
            "qoa": self.qoa,
            "qoa_source": self.qoa_source,
            **self.scores.columns(),
            "scores": self.scores.written,
            "qoa_metric": self.scores.metric,
            "reference": self.question.reference,
            "calls": [call.to_row() for call in self.calls],
        }
        row |= dict(zip(LIMITS, self.question.budget.limits, strict=True))
        return row | {f"predicted_{name}": getattr(self.predicted, name) for name in METRIC_NAMES}


_EXECUTION_FIELDS = tuple(
    f.name
    for f in fields(Execution)
    if f.name in TRACE_SCHEMA and f.name not in ("question", "plan", "calls")
)


@lru_cache(maxsize=4096)
def plan_columns(plan: Plan) -> tuple[str, str, int]:
    """JSON, key and level of a plan: few plans answer many questions."""
    return plan.to_json(), plan.key, plan.level


def main_topic(question: Question) -> str | None:
    """The topic with the highest weight; the first by name of several."""
    ranked = sorted(question.topics, key=lambda item: (-item[1], item[0]))
    return ranked[0][0] if ranked else None


def traces_frame(executions: Iterable[Execution]) -> pl.DataFrame:
    """One row per execution, in order, with exactly the columns of ``TRACE_SCHEMA``."""
    return frame_of_rows([execution.to_row() for execution in executions])


def frame_of_rows(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The same of rows as :meth:`Execution.to_row` makes them.

    Built column by column: Polars takes several times as long over records with records in them.
    """
    flat = {name: dtype for name, dtype in TRACE_SCHEMA.items() if name not in _NESTED}
    frame = _columns(rows, flat).with_columns(of=pl.int_range(pl.len(), dtype=pl.Int64))
    for name, schema in _NESTED.items():
        empty = pl.lit([], dtype=TRACE_SCHEMA[name])
        frame = frame.join(
            _lists(rows, name, schema), on="of", how="left", maintain_order="left"
        ).with_columns(pl.col(name).fill_null(empty))
    return frame.select(*TRACE_SCHEMA)


_NESTED = {"topics": TOPIC_SCHEMA, "calls": CALL_SCHEMA}


def _lists(rows: Sequence[Mapping[str, Any]], name: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The records in a column of ``rows`` as lists by place, of those that have any."""
    records = [record for row in rows for record in row[name]]
    of = [place for place, row in enumerate(rows) for _ in row[name]]
    return (
        _columns(records, schema)
        .select(pl.Series("of", of, dtype=pl.Int64()), pl.struct(list(schema)).alias(name))
        .group_by("of", maintain_order=True)
        .agg(name)
    )


def _columns(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame({name: [row[name] for row in rows] for name in schema}, schema=dict(schema))
