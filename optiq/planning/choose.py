"""Choose one plan from a frontier: hard limits first, then the weights (Opti-Q, sections 3.1 and 4.3).

Plans with bounds (:mod:`optiq.estimation.risk`) are held to the limits, and compared, by these. The weights
apply to metrics scaled to 0…1 over the feasible plans, so that units do not matter. That makes a hundredth of QoA
count as much as all the money where plans differ by no more; who knows what a right answer is worth says that
instead. Of equal plans the one that sorts first (:attr:`optiq.plans.plan.Plan.order`) wins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optiq.estimation.estimates import Cautious, Confidence, Estimate, probability_of
from optiq.questions.metric import BY_LIMIT, LIMITS, METRICS, QOA
from optiq.questions.question import NEAR, Budget, Weights

if TYPE_CHECKING:
    from optiq.planning.frontier import Frontiers

WORTH = len(METRICS)
"""The place of what a right answer is worth in an array of weights, behind those of the metrics."""

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_SPENT = np.array([0.98, 0.015, 0.005, 0.0])
"""What counts between answers that are as good: the cost, then the latency, then the energy."""
_COST_FIRST = np.array([0.98, 0.0005, 0.0005, 0.019])
_LESS = np.array([1.0 if metric.is_resource else -1.0 for metric in METRICS])
"""Makes less better of every metric."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, or why nothing could be.

    ``status`` is ``planned`` or ``infeasible``. ``feasible`` are the plans within all limits, in plan
    order. If there is none, ``reason`` names the limit that excludes the most plans, ``nearest`` is the
    plan whose violations, each as a share of its limit, add up to least, and ``cheapest`` the cheapest plan
    that meets all limits but one, ``relaxed``: the cost limit if that is enough, else the one that excludes
    the most (None if even that leaves no plan).
    """

    status: str
    chosen: Estimate | None
    feasible: tuple[Estimate, ...]
    nearest: Estimate | None = None
    cheapest: Estimate | None = None
    relaxed: str = ""
    reason: str = ""


def choose(
    frontier: Sequence[Estimate], budget: Budget | None = None, weights: Weights | None = None
) -> Choice:
    """The plan of ``frontier`` that meets ``budget`` and that ``weights`` (uniform by default) prefer.

    An unknown figure (NaN) fails a limit on its metric and counts as the worst when plans are compared; a
    metric that is unknown for all plans does not count.
    """
    if not frontier:
        return Choice("infeasible", None, (), reason="there is no plan to choose from")
    plans = sorted(frontier, key=lambda estimate: estimate.plan.order)
    values = np.array([estimate.judged for estimate in plans])
    limits = limit_array(budget or Budget())
    within = meets(values, limits)
    feasible: BoolArray = np.all(within, axis=1)
    if feasible.any():
        index = int(pick(values, feasible, weight_array(weights or Weights())))
        return Choice("planned", plans[index], tuple(p for p, ok in zip(plans, feasible, strict=True) if ok))
    expected = np.array([estimate.metrics for estimate in plans])
    return explain_infeasible(plans.__getitem__, values, expected, limits)


def choose_each(
    frontiers: Frontiers, budgets: Sequence[Budget], weights: Sequence[Weights], whole: bool = False
) -> list[Choice]:
    """The choice from each frontier; unless ``whole``, ``feasible`` is left empty: it would be most of the work."""
    values = frontiers.judged
    limits = np.array([budget.limits for budget in budgets], dtype=np.float64)  # None becomes NaN
    feasible = frontiers.on & np.all(meets(values, limits[:, None, :]), axis=-1)
    possible = feasible.any(axis=1).tolist()
    preferred = np.array([(*one.parts, _worth(one)) for one in weights], dtype=np.float64)
    picked = pick(values, feasible, preferred).tolist()
    choices = []
    for question in range(len(budgets)):
        if possible[question]:
            chosen = frontiers.estimate(question, picked[question])
            every = frontiers.estimates(question, feasible[question]) if whole else ()
            choices.append(Choice("planned", chosen, every))
        else:
            choices.append(_infeasible(frontiers, question, limits[question]))
    return choices


def _infeasible(frontiers: Frontiers, question: int, limits: FloatArray) -> Choice:
    plans = np.flatnonzero(frontiers.on[question])
    values, expected = frontiers.judged[question, plans], frontiers.expected[question, plans]
    return explain_infeasible(
        lambda index: frontiers.estimate(question, int(plans[index])), values, expected, limits
    )


def limit_array(budget: Budget) -> FloatArray:
    """The four limits in the order of the metrics, NaN where there is none."""
    return np.array(budget.limits, dtype=np.float64)


def weight_array(weights: Weights) -> FloatArray:
    """The four weights in the order of the metrics, then what a right answer is worth (USD).

    NaN: not said; infinite: the quality comes first; 0: the cost does.
    """
    return np.array([*weights.parts, _worth(weights)], dtype=np.float64)


def _worth(weights: Weights) -> float | None:
    return weights.worth_usd if weights.first is None else 0.0 if weights.first == "cost" else math.inf


def meets(values: FloatArray, limits: FloatArray) -> BoolArray:
    """Whether each metric of ``values`` (…, metrics) meets its limit in ``limits`` (…, metrics); NaN meets no limit."""
    kept = np.isnan(limits) | (values <= limits)
    kept[..., -1] = np.isnan(limits[..., -1]) | (values[..., -1] >= limits[..., -1])
    return kept


def pick(values: FloatArray, feasible: BoolArray, weights: FloatArray) -> NDArray[np.intp]:
    """The index of the preferred plan among the feasible ones.

    ``values`` (…, plans, metrics), ``feasible`` (…, plans) with at least one true, ``weights`` (…, metrics + 1);
    shape (…) out.
    """
    if values.shape[-2] == 1:
        return np.zeros(values.shape[:-2], dtype=np.intp)
    return weighted_losses(values, feasible, weights).argmin(axis=-1)


def rank(plans: Sequence[Estimate], weights: Weights | None = None) -> list[tuple[Estimate, float]]:
    """Feasible plans with their weighted loss (0: best in everything), the preferred one first."""
    if not plans:
        return []
    ordered = sorted(plans, key=lambda estimate: estimate.plan.order)
    values = np.array([estimate.judged for estimate in ordered])
    every = np.ones(len(ordered), dtype=np.bool_)
    losses = weighted_losses(values, every, weight_array(weights or Weights()))
    return [(ordered[i], float(losses[i])) for i in np.argsort(losses, kind="stable")]


def weighted_losses(values: FloatArray, feasible: BoolArray, weights: FloatArray) -> FloatArray:
    """What the preference makes of each plan; infinite where not feasible. Shapes of ``pick``.

    0 (best) to 1 with weights. Where a right answer has a worth: cost / worth − QoA, the greater the yield the less.
    Where the quality comes first: what is spent where QoA is as good as the best, else 1 + what is missing of it.
    """
    loss = values * _LESS
    known = feasible[..., None] & ~np.isnan(loss)
    low = np.where(known, loss, np.inf).min(axis=-2, keepdims=True)
    high = np.where(known, loss, -np.inf).max(axis=-2, keepdims=True)
    spread = high - low
    with np.errstate(invalid="ignore"):
        scaled = np.where(spread > 0, (loss - low) / np.where(spread > 0, spread, 1.0), 0.0)
    # unknown is the worst, unless it is unknown for all
    scaled = np.where(known, scaled, np.where(known.any(axis=-2, keepdims=True), 1.0, 0.0))
    in_order = np.where(
        known, scaled / 2, scaled
    )  # where one figure comes before the others, worse than the worst
    score = np.round((scaled * weights[..., None, :WORTH]).sum(axis=-1), 12)
    worth = weights[..., None, WORTH]
    if not np.isnan(worth).all():
        if (said := np.isfinite(worth) & (worth > 0)).any():
            worst = np.where(known.any(axis=-2, keepdims=True), high, 0.0)
            filled = np.where(known, loss, worst)
            by_worth = worth_losses(filled[..., 0], filled[..., -1], np.where(said, worth, 1.0))
            score = np.where(said, by_worth, score)
        if (best := worth == np.inf).any():
            score = np.where(best, _quality_first(loss[..., -1], known[..., -1], in_order), score)
        if (cheapest := worth == 0).any():
            score = np.where(cheapest, np.round(in_order @ _COST_FIRST, 12), score)
    return np.where(feasible, score, np.inf)


def _quality_first(loss: FloatArray, known: BoolArray, scaled: FloatArray) -> FloatArray:
    """0 to 1 for plans whose quality (−``loss``) is within :data:`NEAR` of the best, more for all others."""
    best = np.where(known, loss, np.inf).min(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        missing = np.where(known, loss - np.where(np.isfinite(best), best, 0.0), 2.0)
    missing = np.where(np.isfinite(best), missing, 0.0)  # nobody knows any
    found: FloatArray = np.where(missing <= NEAR + 1e-12, np.round(scaled @ _SPENT, 12), 1 + missing)
    return found


def worth_losses(cost: FloatArray, loss: FloatArray, worth: FloatArray | float) -> FloatArray:
    """``cost`` / ``worth`` + ``loss`` to twelve digits, (…, plans); of equals the cheaper is less."""
    dearest = np.where(np.isfinite(cost), cost, 0.0).max(axis=-1, keepdims=True)
    found: FloatArray = np.round(cost / worth + loss, 12) + 4e-13 * (cost / np.maximum(dearest, 1e-300))
    return found


def unsafe(frontier: Sequence[Estimate], budget: Budget) -> list[Estimate]:
    """The plans that are expected to keep the limits, but are refused: they are not sure enough to. The best first."""
    if not frontier:
        return []
    limits = limit_array(budget)
    expected = meets(np.array([one.metrics for one in frontier]), limits)
    judged = meets(np.array([one.judged for one in frontier]), limits)
    refused: BoolArray = np.all(expected, axis=1) & ~np.all(judged, axis=1)
    return sorted(
        (one for one, is_out in zip(frontier, refused, strict=True) if is_out), key=lambda one: -one.qoa
    )


def explain_infeasible(
    estimate: Callable[[int], Estimate], values: FloatArray, expected: FloatArray, limits: FloatArray
) -> Choice:
    """Why none of the plans, in plan order, meets ``limits`` (4).

    They are judged by ``values`` (plans, metrics), ``expected`` is what is expected; ``estimate`` makes their
    estimates.
    """
    within = meets(values, limits)
    excluded = (~within).sum(axis=0)
    worst = int(np.argmax(excluded))
    name = LIMITS[worst]
    reason = f"{name} = {_number(limits[worst], name)} excludes {excluded[worst]} of {len(values)} plans"
    column = values[:, worst]
    if np.isnan(column).all():
        reason += ", since nothing is known of any"
    else:
        best = np.nanmax(column) if name == QOA.limit else np.nanmin(column)
        reason += f" (the {BY_LIMIT[name].best} has {_number(best, name)})"
    if not (excluded == len(values)).any():
        reason += "; no single limit excludes all"
    nearest = estimate(int(violations(values, limits).sum(axis=1).argmin()))
    if nearest.bounds is not None:
        reason += _sureness(expected, limits, nearest.bounds.confidence)
    costs = np.where(np.isnan(values[:, 0]), np.inf, values[:, 0])
    for relaxed in dict.fromkeys([0, worst]):
        others = [i for i in range(len(LIMITS)) if i != relaxed]
        fits: BoolArray = np.all(within[:, others], axis=1)
        if fits.any() and not np.isnan(limits[relaxed]):
            left = np.flatnonzero(fits)
            cheapest = estimate(int(left[costs[left].argmin()]))
            return Choice("infeasible", None, (), nearest, cheapest, LIMITS[relaxed], reason)
    return Choice("infeasible", None, (), nearest, reason=reason)


def _sureness(expected: FloatArray, limits: FloatArray, sure: Confidence) -> str:
    """What the confidence or caution has to do with it, and what would help."""
    able, probability = int(np.all(meets(expected, limits), axis=1).sum()), probability_of(sure)
    if probability is None:
        return f"; with less caution {able} of the plans would meet them" if able else ""
    text = f"; limits are to hold with confidence {probability:g}"
    if not able:
        return text
    verb = "meets" if able == 1 else "meet"
    of_itself = isinstance(sure, Cautious) and sure.learned
    what = "--no-safe-limits takes them" if of_itself else "lower --confidence, or leave it out"
    return f"{text}, as expected {able} of the plans {verb} them: {what}"


def violations(values: FloatArray, limits: FloatArray) -> FloatArray:
    """(plans, metrics): by what share of the limit each metric misses it; unknown counts as ten limits."""
    over = values - limits
    over[:, -1] = -over[:, -1]
    scale = np.where(limits > 0, limits, np.nanmax(np.abs(np.nan_to_num(values)), axis=0))
    share = np.where(scale > 0, over / np.where(scale > 0, scale, 1.0), over)
    share = np.where(np.isnan(values), 10.0, np.maximum(share, 0.0))
    return np.where(np.isnan(limits), 0.0, share)


def _number(value: float, name: str) -> str:
    return f"{value:.4g} {BY_LIMIT[name].unit}".strip()
