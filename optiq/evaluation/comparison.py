"""Policies side by side, on the same questions: means over different questions are never put in one column unsaid.

Where not every plan was run on every question, or limits are tight, policies answer different questions, and one
that answers the easy ones looks good. So lines are drawn over the questions that all of them answered; a
policy that would leave too few of those stands apart, against the reference on its own questions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from optiq.errors import InputError
from optiq.evaluation.replay import ANSWERED, UNRECORDED
from optiq.evaluation.summary import Line, summarise
from optiq.questions.metric import METRIC_NAMES

if TYPE_CHECKING:
    import polars as pl

KEPT = 0.9
"""Share of the reference's questions that policies in one table must have in common."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A line, and on which questions it stands.

    ``line.questions`` counts those that its means are over; ``line.answered`` is the share of all questions of the
    kind. ``together`` lines of one kind are over the same questions; others over those that both the policy and
    the reference answered, where the reference reaches ``reference_qoa``. ``unrecorded`` is the share of questions
    on which what the policy would have done was never run.
    """

    line: Line
    together: bool
    unrecorded: float
    reference_qoa: float


def compare(frame: pl.DataFrame, reference: str = "best-single", seed: int = 0) -> list[Compared]:
    """All policies of a replay per kind of question: those on common questions first, hindsight last.

    Raises :class:`~optiq.errors.InputError` if the reference answered nothing.
    """
    import polars as pl

    answered = frame.filter(pl.col("status") == ANSWERED)
    if answered.filter(pl.col("policy") == reference).height == 0:
        raise InputError(
            f"{reference} could answer none of the {frame['question_id'].n_unique():,} questions within the limits",
            "Give higher limits: `optiq sql 'FROM model_statistics'` shows what models cost and take.",
        )
    found: list[Compared] = []
    for kind in frame["kind"].unique(maintain_order=True).to_list():
        part, every = answered.filter(pl.col("kind") == kind), frame.filter(pl.col("kind") == kind)
        found += _of_kind(part, every, reference, seed)
    return sorted(found, key=lambda c: (c.line.kind, not c.together, c.line.hindsight))


def _of_kind(answered: pl.DataFrame, every: pl.DataFrame, reference: str, seed: int) -> list[Compared]:
    import polars as pl

    policies = every["policy"].unique(maintain_order=True).to_list()
    questions = {name: _questions(answered.filter(pl.col("policy") == name)) for name in policies}
    common, joined = set(questions[reference]), {reference}
    # those that answered most come first; of equals in the order in which they were given
    for name in sorted(policies, key=lambda name: -len(questions[name])):
        if name not in joined and len(common & questions[name]) >= KEPT * max(len(questions[reference]), 1):
            common &= questions[name]
            joined.add(name)
    shares = {
        str(name): (float(told), float(lost))
        for name, told, lost in every.group_by("policy")
        .agg(
            (pl.col("status") == ANSWERED).mean().alias("told"),
            (pl.col("status") == UNRECORDED).mean().alias("lost"),
        )
        .iter_rows()
    }
    found = []
    together = answered.filter(
        pl.col("policy").is_in(list(joined)) & pl.col("question_id").is_in(list(common))
    )
    for line in summarise(together, reference, seed) if common else []:
        found.append(_compared(line, True, shares, float("nan")))
    for name in policies:
        own = questions[name] & questions[reference]
        if name in joined:
            continue
        pair = answered.filter(
            pl.col("policy").is_in([name, reference]) & pl.col("question_id").is_in(list(own))
        )
        lines = {line.policy: line for line in summarise(pair, reference, seed)}
        if name in lines:
            found.append(_compared(lines[name], False, shares, lines[reference].qoa.mean))
        else:
            found.append(_compared(_nothing(every, name), False, shares, float("nan")))
    return found


def _questions(rows: pl.DataFrame) -> set[str]:
    return set(rows["question_id"].to_list())


def _compared(
    line: Line, together: bool, shares: dict[str, tuple[float, float]], reference_qoa: float
) -> Compared:
    told, lost = shares[line.policy]
    return Compared(replace(line, answered=told), together, lost, reference_qoa)


def _nothing(every: pl.DataFrame, name: str) -> Line:
    """The line of a policy that has no question in common with the reference."""
    import polars as pl

    rows = every.filter(pl.col("policy") == name).with_columns(
        *[pl.lit(None, pl.Float64).alias(f"observed_{m}") for m in METRIC_NAMES],
        pl.lit(None, pl.Boolean).alias("within_budget"),
    )
    (line,) = summarise(rows, name)
    return replace(line, questions=0)
