"""A total for many questions: what a right answer may cost, so that all together keep within it.

Taking the plan with the highest worth · QoA − cost everywhere, at one worth for all questions, is the best choice there
is for what it costs (Everett 1963): money goes where it is expected to yield most. Here the worth is found that a mean
cost allows. All figures are expectations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optiq.errors import InputError
from optiq.estimation.estimates import Estimate
from optiq.planning import Planning
from optiq.planning.choose import worth_losses
from optiq.questions.question import Question, Weights

FloatArray = NDArray[np.float64]
SAMPLE = 500
"""Questions whose frontiers are laid out at most."""

HALVINGS = 80
DIGITS = 3
"""Of the worth that is given back, rounded down: people copy it."""


def within_mean(
    planning: Planning, questions: Sequence[Question], mean_cost_usd: float
) -> tuple[Planning, str]:
    """The planning that keeps a mean cost over ``questions``, and a line that says how; an even sample is asked.

    Questions that no plan is feasible for cost nothing and are left out of the mean.
    """
    step = max(len(questions) / SAMPLE, 1.0)
    sample = [questions[int(i * step)] for i in range(min(len(questions), SAMPLE))]
    feasible = [plans for question in sample if (plans := planning.plan(question).choice.feasible)]
    worth = worth_within(feasible, mean_cost_usd) if feasible else None
    if worth is None:
        every = replace(planning, weights=Weights(0, 0, 0, 1))
        return every, f"a mean of {mean_cost_usd:g} USD a question buys the best plans: --weights qoa=1"
    kept = replace(planning, weights=Weights(worth_usd=worth))
    return kept, f"a mean of {mean_cost_usd:g} USD a question is kept by --weights worth={worth:g}"


def worth_within(feasible: Sequence[Sequence[Estimate]], mean_cost_usd: float) -> float | None:
    """The greatest worth of a right answer (USD) at which the choices cost ``mean_cost_usd`` on average at most.

    ``feasible`` holds the plans within the limits of each question, at least one. None if even the dearest choices
    keep within it: quality alone may decide.

    Raises
    ------
    InputError
        if even the cheapest plans cost more, or if a cost or quality is unknown.
    """
    widest = max(map(len, feasible))
    cost, judged, loss = np.full((3, len(feasible), widest), np.inf)
    for row, plans in enumerate(feasible):
        cost[row, : len(plans)] = [plan.metrics[0] for plan in plans]
        judged[row, : len(plans)] = [plan.judged[0] for plan in plans]
        loss[row, : len(plans)] = [-plan.judged[3] for plan in plans]
    if np.isnan([cost, judged, loss]).any():
        raise InputError(
            "a mean cost needs the cost and quality of every plan, and some are unknown",
            "Leave out models without a price with --models, or add priors with `optiq ingest priors FILE`.",
        )
    cheapest = float(cost.min(axis=1).mean())
    if cheapest > mean_cost_usd:
        raise InputError(
            f"even the cheapest plans cost {cheapest:.3g} USD a question on average, more than {mean_cost_usd:g}",
            "Give a greater mean cost, or models that cost less.",
        )

    def mean(worth: float) -> float:
        picked = worth_losses(judged, loss, worth).argmin(axis=1)
        return float(cost[np.arange(len(cost)), picked].mean())

    low, high = 1e-15, 1e15
    if mean(high) <= mean_cost_usd:
        return None
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if mean(middle) <= mean_cost_usd else (low, middle)
    exponent = math.floor(math.log10(low)) - DIGITS + 1
    rounded = math.floor(low / 10**exponent * (1 + 1e-12)) * 10**exponent
    return float(f"{rounded:.{DIGITS}g}")
