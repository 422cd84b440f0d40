"""The second table: which model answers which question, single calls, no task labels, five folds.

Prices are known before a call, so that a mean price is met on the held-out questions themselves, by spending where
quality is expected to gain most (:mod:`optiq.planning.spending`). Which mean price is enough for a quality
is chosen on the training folds alone, by leaving questions out there. Whatever else is tuned (number of neighbours,
strengths) is tuned inside the training folds too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.evaluation.recorded_table import Row
from optiq.estimation.estimates import Estimate
from optiq.evaluation.folds import split
from optiq.evaluation.intervals import interval
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Setting, replay
from optiq.planning.choose import Choice
from optiq.planning.given import plan_among
from optiq.planning.pipeline import Planning
from optiq.planning.spending import spend, spend_mean
from optiq.questions.question import Budget

PRICE_GOAL = 0.27
PRICES = np.round(np.arange(0.12, 0.92, 0.02), 2)
"""Mean prices among which the least that is enough is looked for, USD per million tokens."""


def table(outcomes: Outcomes, tasks: Sequence[str], seed: int, repeats: int) -> list[Row]:
    """Best single, ours at any price, ours at the price goal, ours at the best single's quality, and bounds."""
    base, base_price = _chosen(outcomes, seed, repeats, "opti-q:neighbours=off", {"": lambda *_: np.inf})[""]
    rows: list[Row] = [("best single", "0.623 at 0.90", "", _text(base, base_price))]
    to_reach = dict(zip(GOALS, ("≥ 0.65", "≥ 0.623", "price ≤ 0.27"), strict=True))
    for goal, (quality, price) in _chosen(outcomes, seed, repeats, "opti-q", GOALS).items():
        above = interval(quality - base, seed)
        text = f"{_text(quality, price)}; {above.mean:+.3f} [{above.low:+.3f}, {above.high:+.3f}] above"
        rows.append((f"opti-q, {goal}", "", to_reach[goal], text))
    rows += _limited(outcomes, seed)
    rows.append(
        ("means per true task (labels that no policy has)", "0.04 above", "", _by_task(outcomes, tasks, seed))
    )
    best = np.nanmax(outcomes.qoa, axis=1)
    rows.append(("oracle (hindsight, a bound)", "0.806", "", f"{best.mean():.3f}"))
    return rows


def _limited(outcomes: Outcomes, seed: int) -> list[Row]:
    """With and without past questions within a limit on every question, and what past questions are worth."""
    rows: list[Row] = []
    names = ["opti-q", "opti-q:neighbours=off"]
    for most in (None, 0.5):
        setting = Setting(Budget(max_cost_usd=most), seed=seed)
        frame = replay(outcomes, make_policies(names), setting, 5, 1).sort("question_id")
        found = [frame.filter(frame["policy"] == name) for name in names]
        quality, price = (
            [part[f"observed_{metric}"].to_numpy() for part in found] for metric in ("qoa", "cost_usd")
        )
        limit = "any price" if most is None else f"at most {most:g} USD/M"
        above = interval(quality[0] - quality[1], seed)
        rows.append((f"{names[1]}, {limit}", "", "", _text(quality[1], price[1])))
        text = f"{_text(quality[0], price[0])}; {above.mean:+.3f} [{above.low:+.3f}, {above.high:+.3f}] above off"
        rows.append((f"{names[0]}, {limit}", "", "", text))
    return rows


def frontier(outcomes: Outcomes, seed: int) -> list[Row]:
    """Quality against mean price, one line per price."""
    goals: Goals = {f"{price:.2f}": lambda *_, price=price: price for price in PRICES[::3]}
    chosen = _chosen(outcomes, seed, 1, "opti-q", goals)
    return [(name, _text(quality, price)) for name, (quality, price) in chosen.items()]


def _chosen(
    outcomes: Outcomes, seed: int, repeats: int, spec: str, goals: Goals
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Per goal quality and price per question, the means over ``repeats`` splits."""
    found = {goal: (np.zeros(len(outcomes.questions)), np.zeros(len(outcomes.questions))) for goal in goals}
    for repeat in range(repeats):
        folds = split(outcomes.questions, 5, seed + repeat)
        for fold in range(5):
            places = np.flatnonzero(folds == fold)
            history, held = outcomes.only(np.flatnonzero(folds != fold)), outcomes.only(places)
            (policy,) = (make() for make in make_policies([spec]).values())
            policy.learn(history, Setting())
            planned = plan_among(policy.planning, held.questions, [outcomes.plans] * len(places))
            for goal, choose in goals.items():
                taken, _ = spend_mean(planned, choose(history, policy.planning))
                picked = np.array([held.number[item.choice.chosen.plan] for item in taken])
                for total, values in zip(found[goal], _observed(held, picked), strict=True):
                    total[places] += values / repeats
    return found


def _by_quality(history: Outcomes, planning: Planning) -> float:
    """The least mean price with which the training questions, each left out, keep the best single's quality.

    By halving: more money buys more quality, but for luck.
    """
    (alike,) = replace(planning, neighbours=None).estimates(history.questions[:1], [history.plans])
    qualities = np.broadcast_to([estimate.qoa for estimate in alike], history.qoa.shape)
    if planning.neighbours is not None:
        column = [planning.neighbours.models.index(plan.models[0]) for plan in history.plans]
        qualities = np.clip(qualities + planning.neighbours.left_out()[:, column], 0.0, 1.0)
    choices = []
    for costs, row in zip(history.cost.tolist(), qualities.tolist(), strict=True):
        figures = zip(history.plans, costs, row, strict=True)
        offers = tuple(Estimate(plan, cost, np.nan, np.nan, qoa) for plan, cost, qoa in figures)
        choices.append(Choice("planned", None, offers))
    best = np.nanmean(history.qoa, axis=0).max()
    low, high = 0, len(PRICES)
    while low < high:
        middle = (low + high) // 2
        picked = spend(choices, float(PRICES[middle]) * len(choices)).picks
        if _observed(history, picked)[0].mean() >= best:
            high = middle
        else:
            low = middle + 1
    return float(PRICES[low]) if low < len(PRICES) else float("inf")


Goals = Mapping[str, Callable[[Outcomes, Planning], float]]
"""By name the mean price to spend, from a history and planning on it."""

GOALS: Goals = {
    "at any price": lambda *_: np.inf,
    f"at ≤ {PRICE_GOAL} USD/M": lambda *_: PRICE_GOAL,
    "at the best single's quality": _by_quality,
}


def _observed(outcomes: Outcomes, picked: IntArray) -> tuple[FloatArray, FloatArray]:
    every = np.arange(len(picked))
    return outcomes.qoa[every, picked], outcomes.cost[every, picked]


def _by_task(outcomes: Outcomes, tasks: Sequence[str], seed: int) -> str:
    folds, names = split(outcomes.questions, 5, seed), np.array(tasks)
    picked = np.zeros(len(names), dtype=np.int64)
    for fold in range(5):
        for task in sorted(set(tasks)):
            learn = (folds != fold) & (names == task)
            picked[(folds == fold) & (names == task)] = np.nanmean(outcomes.qoa[learn], axis=0).argmax()
    return _text(*_observed(outcomes, picked))


def _text(quality: FloatArray, price: FloatArray) -> str:
    found = interval(quality)
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] at {price.mean():.2f}"
