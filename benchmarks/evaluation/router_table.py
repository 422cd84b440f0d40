"""The second table: which model answers which question, single calls, no task labels, five folds.

A frontier over the price is traced by what quality a call of the best single model is worth. Where a price or a
quality is to be met, that worth is chosen on the training folds alone, by leaving questions out there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.evaluation.recorded_table import Row
from optiq.evaluation.folds import split
from optiq.evaluation.intervals import interval
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.evaluation.quality import Quality, Switches

TRADEOFFS = np.concatenate([[0.0], np.geomspace(0.005, 3.0, 240)])
"""Quality that a call at the dearest price is worth."""

PRICE_GOAL = 0.27


def table(outcomes: Outcomes, tasks: Sequence[str], seed: int, repeats: int) -> list[Row]:
    """Best single, ours at any price, ours at the price goal, ours at the best single's quality, and bounds."""
    rows: list[Row] = []
    variants: dict[str, Switches] = {
        "opti-q": Switches(),
        "opti-q without surface features": Switches(surface=False),
        "opti-q without neighbours": Switches(neighbours=False),
    }
    base, base_price, _ = _chosen(outcomes, seed, repeats, Switches(neighbours=False), lambda *_: 0.0)
    rows.append(("best single", "0.623 at 0.90", "", _text(base, base_price)))
    goals: list[tuple[str, str, Callable[..., float]]] = [
        ("at any price", "≥ 0.65", lambda *_: 0.0),
        (f"at ≤ {PRICE_GOAL} USD/M", "≥ 0.623", _by_price),
        ("at the best single's quality", "price ≤ 0.27", _by_quality),
    ]
    for name, switches in variants.items():
        for goal, to_reach, choose in goals if name != "opti-q without neighbours" else goals[:0]:
            quality, price, _ = _chosen(outcomes, seed, repeats, switches, choose)
            above = interval(quality - base, seed)
            text = f"{_text(quality, price)}; {above.mean:+.3f} [{above.low:+.3f}, {above.high:+.3f}] above"
            rows.append((f"{name}, {goal}", "", to_reach if name == "opti-q" else "", text))
    rows.append(
        ("means per true task (labels that no policy has)", "0.04 above", "", _by_task(outcomes, tasks, seed))
    )
    best = np.nanmax(outcomes.qoa, axis=1)
    rows.append(("oracle (hindsight, a bound)", "0.806", "", f"{best.mean():.3f}"))
    return rows


def frontier(outcomes: Outcomes, seed: int) -> list[Row]:
    """Quality against price, one line per worth of a call; the worth is the same for all folds."""
    rows: list[Row] = []
    folds = split(outcomes.questions, 5, seed)
    estimates = np.zeros(outcomes.qoa.shape)
    for fold in range(5):
        history, held = (
            outcomes.only(np.flatnonzero(folds != fold)),
            outcomes.only(np.flatnonzero(folds == fold)),
        )
        estimates[folds == fold] = Quality(history, Switches()).estimate(held)[0]
    for worth in TRADEOFFS[::15]:
        picked = _pick(estimates, outcomes.cost, worth)
        rows.append((f"{worth:.3f}", _text(*_observed(outcomes, picked))))
    return rows


def _chosen(
    outcomes: Outcomes, seed: int, repeats: int, switches: Switches, choose: Callable[..., float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Quality, price and worth per question, the means over ``repeats`` splits."""
    shape = (repeats, len(outcomes.questions))
    quality, price, worths = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for repeat in range(repeats):
        folds = split(outcomes.questions, 5, seed + repeat)
        for fold in range(5):
            places = np.flatnonzero(folds == fold)
            history, held = outcomes.only(np.flatnonzero(folds != fold)), outcomes.only(places)
            learned = Quality(history, switches)
            worth = choose(history, learned)
            picked = _pick(learned.estimate(held)[0], held.cost, worth)
            quality[repeat, places], price[repeat, places] = _observed(held, picked)
            worths[repeat, places] = worth
    return quality.mean(axis=0), price.mean(axis=0), worths.mean(axis=0)


def _by_price(history: Outcomes, learned: Quality) -> float:
    """The least worth of a call with which the training questions, each left out, keep the price."""
    estimates = learned.left_out()
    for worth in TRADEOFFS:
        _, price = _observed(history, _pick(estimates, history.cost, worth))
        if price.mean() <= PRICE_GOAL:
            return float(worth)
    return float(TRADEOFFS[-1])


def _by_quality(history: Outcomes, learned: Quality) -> float:
    """The greatest worth with which the training questions, each left out, keep the best single's quality."""
    estimates = learned.left_out()
    best = np.nanmean(history.qoa, axis=0).max()
    kept = [
        worth
        for worth in TRADEOFFS
        if _observed(history, _pick(estimates, history.cost, worth))[0].mean() >= best
    ]
    return float(max(kept, default=0.0))


def _pick(estimates: FloatArray, prices: FloatArray, worth: float) -> IntArray:
    """The best plan per question; of equal ones the cheapest."""
    score = np.round(estimates - worth * prices / np.nanmax(prices), 9) - 1e-10 * prices
    return np.asarray(np.nanargmax(score, axis=1))


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
