"""A total for many questions: which plan each takes, so that all together yield most for what they may cost.

Taking the plan with the highest QoA − cost / worth everywhere, at one worth of a right answer for all questions, is the
best choice there is for what it costs (Everett 1963). The greatest worth that keeps the total is found by halving, and
what is left of the total is spent on the questions where more money yields most. All figures are expectations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optiq.errors import InputError
from optiq.planning.choose import Choice, worth_losses
from optiq.planning.pipeline import PlannedQuestion, Planning
from optiq.questions.metric import COST, METRICS, Metric
from optiq.questions.question import Question, Weights

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SAMPLE = 500
"""Questions whose frontiers are laid out at most."""

SLACK = 1.25
"""The worth of all questions is looked for between that of a sample over and times this."""

HALVINGS = 80
DIGITS = 3
"""Of the worth that is told."""

LEAST, GREATEST = 1e-15, 1e15
"""USD between which the worth of a right answer is looked for."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What was taken: per question the place of a plan, and the USD that they cost together.

    ``worth_usd`` of a right answer alone would take no more than that; infinite where the total binds nothing, 0 where
    even the cheapest plans cost more. ``dearer_usd`` is a worth at which choices would cost more than the total.
    """

    picks: IntArray
    cost_usd: float
    worth_usd: float
    dearer_usd: float


def spend(choices: Sequence[Choice], total_usd: float, metric: Metric = COST) -> Spending:
    """Of the feasible plans of each choice, at least one, those that yield most for ``total_usd`` together.

    With another ``metric`` that is spent, totals and the worth of a right answer are in its unit.

    Plans are compared as :func:`~optiq.planning.choose.choose` does at one worth; what is expected is what counts
    against the total. Where even the cheapest plans cost more than the total, they are what is taken. A cost that is
    not known counts as nothing, a quality that is not known as 0.
    """
    rows, place = [choice.feasible for choice in choices], METRICS.index(metric)
    widest = max(map(len, rows), default=0)
    cost, judged, loss = np.full((3, len(rows), widest), np.inf)
    for row, plans in enumerate(rows):
        cost[row, : len(plans)] = np.nan_to_num([getattr(plan, metric.name) for plan in plans])
        judged[row, : len(plans)] = np.nan_to_num([plan.judged[place] for plan in plans])
        loss[row, : len(plans)] = [-quality for quality in np.nan_to_num([plan.judged[-1] for plan in plans])]
    every = np.arange(len(rows))

    def at(worth: float) -> tuple[IntArray, float]:
        picked = worth_losses(judged, loss, worth).argmin(axis=1)
        return picked, float(cost[every, picked].sum())

    if not rows:
        return Spending(np.zeros(0, dtype=np.int64), 0.0, math.inf, math.inf)
    dear, spent = at(GREATEST)
    if spent <= total_usd:
        return Spending(dear, spent, math.inf, math.inf)
    # of equally cheap ones the best
    cheap = np.where(cost == cost.min(axis=1, keepdims=True), loss, np.inf).argmin(axis=1)
    least = float(cost[every, cheap].sum())
    if least > total_usd:
        return Spending(cheap, least, 0.0, LEAST)
    low, high = LEAST, GREATEST
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        picked, spent = at(middle)
        if spent <= total_usd:
            low, cheap, least = middle, picked, spent
        else:
            high, dear = middle, picked
    more, price = loss[every, cheap] - loss[every, dear], cost[every, dear] - cost[every, cheap]
    taken = cheap.copy()
    for q in np.lexsort((every, -more / np.maximum(price, 1e-300))):
        if 0 < price[q] <= total_usd - least and more[q] > 0:
            taken[q], least = dear[q], least + float(price[q])
    return Spending(taken, least, low, high)


def plan_within_mean(
    planning: Planning, questions: Sequence[Question], mean_cost_usd: float, frontiers: bool = False
) -> tuple[list[PlannedQuestion], str]:
    """The questions planned for a mean cost, and a line that says how it is kept and what is reached.

    Of many questions an even sample says what a right answer may cost, unless ``frontiers`` are wanted of all.
    Questions that no plan is feasible for cost nothing and are left out of the mean.

    Raises
    ------
    InputError
        if even the cheapest plans cost more, or if a cost or quality is unknown.
    """
    most = len(questions) if frontiers else SAMPLE
    step = max(len(questions) / max(most, 1), 1.0)
    asked = [questions[int(i * step)] for i in range(min(len(questions), most))]
    sample = planning.plan_all(asked, frontiers=True)
    plans = [plan for item in sample for plan in item.choice.feasible]
    if any(math.isnan(plan.cost_usd + plan.judged[0] + plan.judged[-1]) for plan in plans):
        raise InputError(
            "a mean cost needs the cost and quality of every plan, and some are unknown",
            "Leave out models without a price with --models, or add priors with `optiq ingest priors FILE`.",
        )
    planned, spending = spend_mean(sample, mean_cost_usd)
    if spending.worth_usd == 0:
        cheapest = spending.cost_usd / len(spending.picks)
        raise InputError(
            f"even the cheapest plans cost {cheapest:.3g} USD a question on average, more than {mean_cost_usd:g}",
            "Give a greater mean cost, or models that cost less.",
        )
    if len(sample) < len(questions):
        cheap, dear = (
            replace(planning, weights=_weights(worth)).plan_all(questions)
            for worth in (spending.worth_usd / SLACK, spending.dearer_usd * SLACK)
        )
        both = [
            replace(one, choice=replace(one.choice, feasible=(one.choice.chosen, other.choice.chosen)))
            if one.choice.chosen is not None and other.choice.chosen is not None
            else one
            for one, other in zip(cheap, dear, strict=True)
        ]
        planned = [
            replace(item, choice=replace(item.choice, feasible=()))
            for item in spend_mean(both, mean_cost_usd)[0]
        ]
    costs = [item.choice.chosen.cost_usd for item in planned if item.choice.chosen is not None]
    if not costs:
        return planned, "no plan is feasible: nothing is spent"
    worth = _rounded(_weights(spending.worth_usd)).worth_usd
    kept = (
        "buys the best plans: --weights qoa=1" if worth is None else f"is kept by --weights worth={worth:g}"
    )
    return planned, f"a mean of {mean_cost_usd:g} USD a question {kept} (reached: {np.mean(costs):.4g} USD)"


def spend_mean(
    planned: Sequence[PlannedQuestion], mean_cost_usd: float
) -> tuple[list[PlannedQuestion], Spending]:
    """The questions with the choices that a mean cost allows, of their feasible plans (:func:`spend`)."""
    able = [i for i, item in enumerate(planned) if item.choice.feasible]
    spending = spend([planned[i].choice for i in able], mean_cost_usd * len(able))
    found = list(planned)
    for i, place in zip(able, spending.picks.tolist(), strict=True):
        choice = planned[i].choice
        found[i] = replace(planned[i], choice=replace(choice, chosen=choice.feasible[place]))
    return found, spending


def _weights(worth_usd: float) -> Weights:
    """The preference that a worth is; quality alone where it has no bound."""
    return Weights(worth_usd=worth_usd) if math.isfinite(worth_usd) else Weights(0, 0, 0, 1)


def _rounded(weights: Weights) -> Weights:
    """The same with few digits, rounded down: people copy it."""
    if weights.worth_usd is None:
        return weights
    exponent = math.floor(math.log10(weights.worth_usd)) - DIGITS + 1
    rounded = math.floor(weights.worth_usd / 10**exponent * (1 + 1e-12)) * 10**exponent
    return Weights(worth_usd=float(f"{rounded:.{DIGITS}g}"))
