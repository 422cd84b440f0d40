"""Which of several models answers which question, learned from histories of 200 to 5,000: the product and others.

Five folds by question; a history is drawn from the other folds. The product is what it is: the history lands in a fresh
PerfDB, a refresh learns from it, a session with default settings estimates every model and picks one. Labels of the
benchmarks are given to no one but the bound that is called so.

Every method says what quality it expects of each model, and picks the best: *quality at any price*. At a price of
money it picks less dear ones; over all such prices that is a curve. Of many models it is told by *the price at best
single's quality*: the least mean price on the curve with the quality of the model that did best in the history. Of a
strong and a weak one by the *gap recovered*, (quality − weak) / (strong − weak): APGR is the area under it as the share
of strong calls goes from 0 to 1 (chance 0.5), CPT(50 %) the share at half the gap (RouteLLM, arXiv 2406.18665, section
4). Intervals are of bootstraps over questions, paired for differences; *calibration* is the expected calibration error
in ten bins, of all estimates and of the picks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from benchmarks.evaluation import baselines
from benchmarks.evaluation.learned_homes import LearnedHomes
from benchmarks.evaluation.recorded_table import Row
from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.planning import Planning

HISTORIES = (200, 500, 1500, 5000)
FOLDS, BINS, RESAMPLES = 5, 10, 1000
PRODUCT, ANY_GAIN = "optiq plan", "optiq plan --gain-probability 0.5"
NEAREST = "nearest in MiniLM, the number that did best"

WORTHS = np.concatenate([[0.0], np.geomspace(1e-4, 10.0, 60)])
"""Quality that a unit of price is worth, at which the curve is drawn."""

HEAD = ("history", "method", "quality at any price [95 %]", "above best single [95 %]", "USD/M")
OF_MANY, OF_TWO = "USD/M at best single's quality [95 %]", "APGR [95 %]; CPT(50 %) / (80 %)"
TAIL = "calibration, all / picks"


@dataclass
class Method:
    """What a method expects, (questions, models), and picks, where it does not simply pick the best."""

    expected: FloatArray
    picks: IntArray | None = None

    @property
    def picked(self) -> IntArray:
        return np.asarray(self.expected.argmax(axis=1)) if self.picks is None else self.picks


@dataclass
class Measured:
    """Of a method with a history: means with bootstraps (resamples) that are paired between methods."""

    quality: FloatArray
    price: float
    told: FloatArray
    calls: str
    calibration: tuple[float, float]


def head(outcomes: Outcomes) -> list[str]:
    """The columns: of two models the gap recovered, of many the price at the best single model's quality."""
    return [*HEAD, OF_TWO if len(outcomes.plans) == 2 else OF_MANY, "product better by [95 %]", TAIL]


def table(
    outcomes: Outcomes,
    labels: Sequence[str],
    sentences: FloatArray | None,
    seed: int,
    histories: Sequence[int] = HISTORIES,
    folds: Sequence[int] = range(FOLDS),
) -> list[Row]:
    """A row per size of history and method; sizes beyond what four folds hold are what those hold, once.

    Without ``sentences``, embeddings of the questions, methods on these are left out.
    """
    fold_of = split(outcomes.questions, FOLDS, seed)
    able = int((fold_of != 0).sum())
    rows: list[Row] = []
    with LearnedHomes.in_scratch() as homes:
        for size in dict.fromkeys(min(size, able) for size in histories):
            parts = [_fold(outcomes, labels, sentences, homes, fold_of, fold, size, seed) for fold in folds]
            rows += _rows(outcomes, size, parts, seed)
            print(f"{size} of history measured", file=sys.stderr, flush=True)
    return rows


Part = tuple[IntArray, dict[str, Method]]


def _fold(
    outcomes: Outcomes,
    labels: Sequence[str],
    sentences: FloatArray | None,
    homes: LearnedHomes,
    fold_of: IntArray,
    fold: int,
    size: int,
    seed: int,
) -> Part:
    """The held-out questions of a fold, and what each method makes of them."""
    held, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
    draw = np.random.default_rng([seed, fold])
    history = np.sort(draw.choice(others, min(size, len(others)), replace=False))
    scores = outcomes.qoa[history]
    found = _product(outcomes, homes, history, held)
    single = baselines.best_single(scores, len(held))
    found["best single model"] = Method(single)
    if sentences is not None:
        known, asked = sentences[history], sentences[held]
        for n, votes in baselines.nearest_votes(known, scores, asked).items():
            found[f"{NEAREST} ({n})"] = Method(votes)
        found["logistic regression on MiniLM"] = Method(baselines.logistic_regression(known, scores, asked))
        found["matrix factorisation, MiniLM"] = Method(baselines.matrix_factorisation(known, scores, asked))
    told = [[labels[q] for q in rows] for rows in (history, held)]
    found["best per true label (a bound)"] = Method(baselines.per_label(scores, *told))
    found["hindsight (a bound)"] = Method(outcomes.qoa[held])
    return held, found


def _product(outcomes: Outcomes, homes: LearnedHomes, history: IntArray, held: IntArray) -> dict[str, Method]:
    """Estimates and picks of sessions on a PerfDB that learned of the history."""
    models = [plan.models[0] for plan in outcomes.plans]
    asked = [outcomes.questions[q] for q in held]
    with homes.after(traces(outcomes, history), models) as found:
        planning = replace(found, max_operations=1)
        every = planning.estimates(asked, [outcomes.plans] * len(held))
        expected = np.array([[estimate.qoa for estimate in row] for row in every])
        bold = replace(planning, gain_probability=0.5)
        return {
            PRODUCT: Method(expected, _picks(planning, outcomes, held)),
            ANY_GAIN: Method(expected, _picks(bold, outcomes, held)),
        }


def _picks(planning: Planning, outcomes: Outcomes, held: IntArray) -> IntArray:
    items = planning.plan_all([outcomes.questions[q] for q in held])
    return np.array([outcomes.number[item.choice.chosen.plan] for item in items if item.choice.chosen])


def traces(outcomes: Outcomes, history: IntArray) -> pl.DataFrame:
    """The outcomes of the history as what an application would land: an execution per question and model."""
    cells = [(int(q), p) for q in history for p in range(len(outcomes.plans))]
    asked, plans = [outcomes.questions[q] for q, _ in cells], [outcomes.plans[p] for _, p in cells]
    return pl.DataFrame(
        {
            "execution_id": [f"{one.question_id}/{plan.key}" for one, plan in zip(asked, plans, strict=True)],
            "question_id": [one.question_id for one in asked],
            "question": [one.text for one in asked],
            "kind": [one.kind.value for one in asked],
            "plan": [plan.to_json() for plan in plans],
            "plan_key": [plan.key for plan in plans],
            "status": "answered",
            "cost_usd": [outcomes.cost[cell] for cell in cells],
            "qoa": [outcomes.qoa[cell] for cell in cells],
        }
    )


def _rows(outcomes: Outcomes, size: int, parts: Sequence[Part], seed: int) -> Iterator[Row]:
    draw = np.random.default_rng(seed)
    # how often each question is drawn, by fold, so that all methods meet the same
    drawn = [draw.multinomial(len(held), np.full(len(held), 1 / len(held)), RESAMPLES) for held, _ in parts]
    # first what was observed, then what was drawn
    weights = [np.vstack([np.ones(len(held)), times]) for (held, _), times in zip(parts, drawn, strict=True)]
    measure = mean_gap if len(outcomes.plans) == 2 else _price
    found = {name: _measured(outcomes, parts, weights, name, measure) for name in parts[0][1]}
    nearest = sorted((one for one in found if one.startswith(NEAREST)), key=lambda n: -_goodness(found[n]))
    kept = [name for name in found if name not in nearest[1:]]
    ours, single = found[PRODUCT], found["best single model"]
    for name in kept:
        one = found[name]
        better = ours.told - one.told if measure is mean_gap else one.told - ours.told
        yield (
            f"{size:,}",
            name,
            _interval(one.quality),
            "" if one is single else _interval(one.quality - single.quality, "+"),
            f"{one.price:.2f}",
            f"{_interval(one.told)}{one.calls}",
            "" if name in (PRODUCT, ANY_GAIN) else _interval(better, "+"),
            f"{one.calibration[0]:.3f} / {one.calibration[1]:.3f}",
        )


def _goodness(one: Measured) -> float:
    """By what the number of neighbours is told: the best in hindsight, which flatters them."""
    return float(one.quality[0] if np.isnan(one.told[0]) or not one.calls else one.told[0])


Measure = Callable[[Outcomes, Sequence[Part], Sequence[FloatArray], str], tuple[FloatArray, str]]


def _measured(
    outcomes: Outcomes, parts: Sequence[Part], weights: Sequence[FloatArray], name: str, measure: Measure
) -> Measured:
    held = np.concatenate([held for held, _ in parts])
    expected = np.concatenate([methods[name].expected for _, methods in parts])
    picked = np.concatenate([methods[name].picked for _, methods in parts])
    together = np.hstack(list(weights))
    came, every = outcomes.qoa[held, picked], np.arange(len(held))
    told, calls = measure(outcomes, parts, weights, name)
    return Measured(
        together @ came / len(held),
        float(outcomes.cost[held, picked].mean()),
        told,
        calls,
        (
            calibration_error(expected.ravel(), outcomes.qoa[held].ravel()),
            calibration_error(expected[every, picked], came),
        ),
    )


def mean_gap(
    outcomes: Outcomes, parts: Sequence[Part], weights: Sequence[FloatArray], name: str
) -> tuple[FloatArray, str]:
    """APGR, mean over folds, and the shares of strong calls for half and most of the gap."""
    weak, strong = np.argsort(np.nanmean(outcomes.qoa, axis=0))
    areas, shares = [], []
    for (held, methods), times in zip(parts, weights, strict=True):
        expected = methods[name].expected
        order = np.argsort(-(expected[:, strong] - expected[:, weak]), kind="stable")
        gain = (outcomes.qoa[held, strong] - outcomes.qoa[held, weak])[order]
        area, half, most = gap_recovered(gain, times[:, order])
        areas.append(area)
        shares.append((half, most))
    half, most = np.mean(shares, axis=0)
    return np.mean(areas, axis=0), f"; {half:.0%} / {most:.0%}"


def gap_recovered(gain: FloatArray, times: FloatArray) -> tuple[FloatArray, float, float]:
    """Per row of ``times`` (rows, questions) the area under the gap that is recovered where questions, in order, gain
    ``gain`` by the strong model and count so many times; of the first row the shares at half and at 0.8 of the gap.
    """
    calls = np.cumsum(times, axis=1)
    share = np.hstack([np.zeros((len(times), 1)), calls / calls[:, -1:]])
    gap = np.hstack([np.zeros((len(times), 1)), np.cumsum(times * gain, axis=1)])
    gap /= gap[:, -1:]
    half, most = (float(share[0, np.argmax(gap[0] >= goal)]) for goal in (0.5, 0.8))
    return np.trapezoid(gap, share, axis=1), half, most


def _price(
    outcomes: Outcomes, parts: Sequence[Part], weights: Sequence[FloatArray], name: str
) -> tuple[FloatArray, str]:
    """The least mean price on the curve with at least the best single model's quality; NaN if none has."""
    together = np.hstack(list(weights))
    held = np.concatenate([held for held, _ in parts])
    expected = np.concatenate([methods[name].expected for _, methods in parts])
    singles = np.concatenate([methods["best single model"].picked for _, methods in parts])
    picks = np.stack([(expected - worth * outcomes.cost[held]).argmax(axis=1) for worth in WORTHS], axis=1)
    rows = np.arange(len(held))
    quality, price = (
        together @ values[rows[:, None], picks] for values in (outcomes.qoa[held], outcomes.cost[held])
    )
    goal = together @ outcomes.qoa[held][rows, singles]
    enough = quality >= goal[:, None] - 1e-9
    least = np.where(enough, price, np.inf).min(axis=1) / len(held)
    return np.where(np.isfinite(least), least, np.nan), ""


def calibration_error(expected: FloatArray, observed: FloatArray) -> float:
    """By how much means are off in ten bins of the expected quality, weighted by how many lie there."""
    place = np.clip((expected * BINS).astype(np.int64), 0, BINS - 1)
    off = np.bincount(place, expected - observed, minlength=BINS)
    return float(np.abs(off).sum() / len(expected))


def _interval(values: FloatArray, sign: str = "") -> str:
    """The first, observed, with the middle 95 % of the others; how many of those there are not is not told."""
    if np.isnan(values[0]):
        return "never"
    low, high = np.nanquantile(values[1:], [0.025, 0.975])
    return f"{values[0]:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
