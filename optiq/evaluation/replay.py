"""Replay policies on recorded outcomes: learn on other folds, decide, then look up what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import QOA, FloatArray, IntArray, Outcomes
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Budget, Question

if TYPE_CHECKING:
    import polars as pl

ANSWERED, INFEASIBLE, UNRECORDED = "answered", "infeasible", "unrecorded"
"""What became of a question: infeasible if nothing recorded fits the limits, unrecorded if the policy's plan was
never run on it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a call tells once it was made: the answer (None if it was not recorded) and its price, no quality."""

    answer: str | None
    cost_usd: float
    latency_s: float
    energy_j: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy did on one question.

    ``final`` is the column of the plan whose answer is given, None if nothing could be afforded; ``called`` all
    plans that were run for it, one after the other (``in_turn``) or side by side. ``predicted`` are the four
    metrics that were expected of the final plan, NaN where nothing was. ``recorded`` is False if what the policy
    would have run was never run on the question, so that nobody knows what would have come of it.
    """

    final: int | None
    called: tuple[int, ...] = ()
    in_turn: bool = False
    predicted: tuple[float, ...] = (np.nan,) * len(METRIC_NAMES)
    recorded: bool = True


class Held:
    """The held-out questions as a policy may see them: texts, which plans were recorded, what a call returns."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self.questions: tuple[Question, ...] = outcomes.questions
        self.plans: tuple[Plan, ...] = outcomes.plans

    def candidates(self, question: int) -> IntArray:
        """The plans that can be replayed on a question."""
        return self._outcomes.scored(question)

    def run(self, question: int, plan: int) -> Seen:
        """What a run of a plan returned."""
        cost, latency, energy = self._outcomes.values[question, plan, :3].tolist()
        return Seen(self._outcomes.answers.get((question, plan)), cost, latency, energy)


@dataclass(frozen=True)
class Setting:
    """What every policy is held to: limits, the probability with which they are to hold, a seed.

    ``confidence`` None: limits hold for expected figures. ``priors`` are published qualities by (task, model).
    ``neighbours`` False: no policy asks past questions that are like a held-out one.
    """

    budget: Budget = field(default_factory=Budget)
    confidence: float | None = None
    seed: int = 0
    priors: Mapping[tuple[str, str], float] = field(default_factory=dict)
    neighbours: bool = True


class Policy(Protocol):
    """A way of choosing plans. One object serves one fold: it learns once, then decides."""

    def learn(self, history: Outcomes, setting: Setting) -> None:
        """Take in the outcomes of other questions."""

    def decide(self, held: Held) -> list[Decision]:
        """One decision per held-out question, in order."""


class HindsightPolicy(Protocol):
    """A bound, not a policy: it sees the outcomes of the very questions."""

    def choose(self, outcomes: Outcomes, setting: Setting) -> list[Decision]:
        """One decision per question."""


def replay(
    outcomes: Outcomes,
    policies: Mapping[str, Callable[[], Policy | HindsightPolicy]],
    setting: Setting,
    folds: int = 5,
    repeats: int = 1,
    compared: IntArray | None = None,
) -> pl.DataFrame:
    """One row per policy, repeat and question; what was decided, expected and observed.

    Every repeat splits the questions anew. Only ``compared`` ones (by default all) are decided on; the others
    are in every history. A policy that cannot be replayed raises :class:`~optiq.errors.InputError`.
    """
    import polars as pl

    held_out = np.arange(len(outcomes.questions)) if compared is None else compared
    rows: list[dict[str, object]] = []
    for repeat in range(repeats):
        fold_of = np.full(len(outcomes.questions), -1, dtype=np.int64)
        fold_of[held_out] = split([outcomes.questions[q] for q in held_out], folds, setting.seed + repeat)
        for fold in range(folds):
            places = np.flatnonzero(fold_of == fold)
            history, held = outcomes.only(np.flatnonzero(fold_of != fold)), outcomes.only(places)
            for name, make in policies.items():
                policy = make()
                hindsight = hasattr(policy, "choose")
                if hindsight:
                    decisions = policy.choose(held, setting)  # type: ignore[union-attr]
                else:
                    policy.learn(history, setting)  # type: ignore[union-attr]
                    decisions = policy.decide(Held(held))  # type: ignore[union-attr]
                for q, decision in enumerate(decisions):
                    row = _row(held, q, decision, setting.budget)
                    rows.append(
                        {"policy": name, "hindsight": hindsight, "repeat": repeat, "fold": fold, **row}
                    )
    return pl.DataFrame(rows, schema=frame_schema())


def _row(held: Outcomes, q: int, decision: Decision, budget: Budget) -> dict[str, object]:
    asked = held.questions[q]
    observed = observe(held, q, decision)
    final = decision.final
    topic = max(asked.topics, key=lambda item: (item[1], item[0]))[0] if asked.topics else None
    return {
        "question_id": asked.question_id,
        "topic": topic,
        "kind": asked.kind.value,
        "status": ANSWERED if final is not None else INFEASIBLE if decision.recorded else UNRECORDED,
        "plan_key": held.plans[final].key if final is not None else None,
        "called": 0 if final is None else len(decision.called) or 1,
        "within_budget": bool(_within(observed, budget)) if final is not None else None,
        **{f"predicted_{m}": _none(v) for m, v in zip(METRIC_NAMES, decision.predicted, strict=True)},
        **{f"observed_{m}": _none(v) for m, v in zip(METRIC_NAMES, observed.tolist(), strict=True)},
    }


def observe(outcomes: Outcomes, q: int, decision: Decision) -> FloatArray:
    """The four metrics of a decision: calls add up; their times add up or run side by side."""
    if decision.final is None:
        return np.full(len(METRIC_NAMES), np.nan)
    called = outcomes.values[q, list(decision.called or (decision.final,))]
    latency = called[:, 1].sum() if decision.in_turn else called[:, 1].max()
    return np.array(
        [called[:, 0].sum(), latency, called[:, 2].sum(), outcomes.values[q, decision.final, QOA]]
    )


def _within(observed: FloatArray, budget: Budget) -> bool:
    limits = zip(budget.limits[:-1], observed[:-1], strict=True)
    return all(limit is None or value <= limit for limit, value in limits)


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def frame_schema() -> dict[str, pl.DataType]:
    """The columns of :func:`replay`."""
    import polars as pl

    text, flag, whole, real = pl.String(), pl.Boolean(), pl.Int64(), pl.Float64()
    return {
        "policy": text,
        "hindsight": flag,
        "repeat": whole,
        "fold": whole,
        "question_id": text,
        "topic": text,
        "kind": text,
        "status": text,
        "plan_key": text,
        "called": whole,
        "within_budget": flag,
        **{f"predicted_{metric}": real for metric in METRIC_NAMES},
        **{f"observed_{metric}": real for metric in METRIC_NAMES},
    }
