"""How far estimates are from what was observed, per topic and plan, on questions they did not learn from.

Two ways of grouping, because one flatters: averaged over all folds, the means of leave-one-out predictions of a
group equal the group's own mean, so that any estimator which follows the few other questions of a topic seems
right. ``halves`` learns from half of a topic's questions and is judged on the means of the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.evaluation.policies.published import PublishedEstimator, ShrunkEstimator
from optiq.evaluation.quality import Quality, Switches
from optiq.evaluation.replay import Setting
from optiq.evaluation.resources import Resources

Predictor = Callable[[Outcomes, Outcomes, Setting], FloatArray]
"""(history, held-out questions, setting) → (questions, plans, 4)."""


def by_snapshot(kind: Callable[[], PublishedEstimator]) -> Predictor:
    """What `optiq estimate` says with statistics of the history."""

    def predict(history: Outcomes, held: Outcomes, setting: Setting) -> FloatArray:
        policy = kind()
        policy.learn(history, setting)
        found = np.full((len(held.questions), len(held.plans), 4), np.nan)
        for q, (asked, shifts) in enumerate(zip(held.questions, policy.shifts(held.questions), strict=True)):
            for p in held.scored(q).tolist():
                found[q, p] = policy.figures(asked, held.plans[p], shifts)
        return found

    return predict


def by_question(switches: Switches, priors: bool = True, looks: bool = True) -> Predictor:
    """Estimates per question, with parts switched off."""

    def predict(history: Outcomes, held: Outcomes, setting: Setting) -> FloatArray:
        quality, _ = Quality(history, switches, setting.priors if priors else {}).estimate(held)
        figures = Resources(history, switches.parts, looks).estimate(held)
        return np.concatenate([figures, quality[:, :, None]], axis=2)

    return predict


PREDICTORS: dict[str, Predictor] = {
    "paper": by_snapshot(PublishedEstimator),
    "shrunk": by_snapshot(ShrunkEstimator),
    "shrunk, without neighbours": by_snapshot(partial(ShrunkEstimator, neighbours=False)),
    "per question": by_question(Switches()),
    "without parts": by_question(Switches(parts=False)),
    "without neighbours": by_question(Switches(neighbours=False)),
    "without topics": by_question(Switches(topics=False)),
    "without priors": by_question(Switches(), priors=False),
    "without looks": by_question(Switches(), looks=False),
}


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Mean absolute errors per (topic, plan), and the mean rank correlation within topics."""

    estimator: str
    kind: str
    qoa_error: float
    qoa_error_halves: float
    rank: float
    rank_halves: float
    cost_error_usd: float
    cost_error_halves_usd: float
    latency_error_s: float
    latency_error_halves_s: float


def of_fixed(outcomes: Outcomes, name: str, predicted: FloatArray, seed: int, repeats: int) -> list[Accuracy]:
    """The same of predictions that were made elsewhere: learned from none of these folds."""
    folds = [split(outcomes.questions, 2, seed + repeat) for repeat in range(repeats)]
    pooled = [(predicted, folds[0])]
    return _lines(outcomes, name, pooled, [(predicted, fold_of) for fold_of in folds])


def accuracies(outcomes: Outcomes, names: Sequence[str], setting: Setting, repeats: int) -> list[Accuracy]:
    """One line per estimator and kind of question."""
    found = []
    for name in names:
        pooled, halves = [], []
        for repeat in range(repeats):
            again = replace(setting, seed=setting.seed + repeat)
            pooled.append(_predicted(outcomes, PREDICTORS[name], again, 5))
            halves.append(_predicted(outcomes, PREDICTORS[name], again, 2))
        found += _lines(outcomes, name, pooled, halves)
    return found


Predictions = list[tuple[FloatArray, IntArray]]
"""(questions, plans, 4) and the fold of each question, per repeat."""


def rank_ceiling(outcomes: Outcomes, rows: IntArray, seed: int, repeats: int) -> float:
    """What the truth would reach in rank on the halves: the root of how halves agree with each other within topics."""
    topics = np.array([asked.topics[0][0] if asked.topics else "" for asked in outcomes.questions])[rows]
    found = []
    for repeat in range(repeats):
        fold_of = split(outcomes.questions, 2, seed + repeat)[rows]
        for topic in sorted(set(topics.tolist())):
            with np.errstate(invalid="ignore"):
                one, other = (
                    np.nansum(qoa, axis=0) / (~np.isnan(qoa)).sum(axis=0)
                    for qoa in (outcomes.qoa[rows[(topics == topic) & (fold_of == half)]] for half in (0, 1))
                )
            known = ~np.isnan(one) & ~np.isnan(other)
            found.append(_rank_correlation(np.column_stack([one, other])[known]))
    return float(np.sqrt(max(np.nanmean(found), 0.0)))


def _lines(outcomes: Outcomes, name: str, pooled: Predictions, halves: Predictions) -> list[Accuracy]:
    kinds = np.array([asked.kind.value for asked in outcomes.questions])
    found = []
    for kind in sorted(set(kinds.tolist())):
        rows = kinds == kind
        whole = np.array([_errors(outcomes, p, rows) for p, _ in pooled])
        part = np.array([_errors(outcomes, p, rows & (f == k)) for p, f in halves for k in (0, 1)])
        both = zip(np.nanmean(whole, axis=0).tolist(), np.nanmean(part, axis=0).tolist(), strict=True)
        found.append(Accuracy(name, kind, *(value for pair in both for value in pair)))
    return found


def _predicted(
    outcomes: Outcomes, predictor: Predictor, setting: Setting, folds: int
) -> tuple[FloatArray, FloatArray]:
    """Predictions (questions, plans, 4) from other folds, and the fold of each question."""
    fold_of = split(outcomes.questions, folds, setting.seed)
    found = np.full(outcomes.values.shape, np.nan)
    for fold in range(folds):
        places = np.flatnonzero(fold_of == fold)
        found[places] = predictor(
            outcomes.only(np.flatnonzero(fold_of != fold)), outcomes.only(places), setting
        )
    return found, fold_of


def _errors(outcomes: Outcomes, predicted: FloatArray, rows: FloatArray) -> tuple[float, float, float, float]:
    """QoA error, rank correlation, cost error, latency error over the groups of the chosen questions."""
    topics = np.array([asked.topics[0][0] if asked.topics else "" for asked in outcomes.questions])
    known = ~np.isnan(outcomes.qoa)
    gaps, ranks = [], []
    for topic in sorted(set(topics[rows.astype(bool)].tolist())):
        chosen = np.flatnonzero(rows.astype(bool) & (topics == topic))
        plans = np.flatnonzero(known[chosen].any(axis=0))
        pairs = []
        for p in plans.tolist():
            ran = chosen[known[chosen, p]]
            expected, observed = predicted[ran, p].mean(axis=0), outcomes.values[ran, p].mean(axis=0)
            gaps.append(np.abs(expected - observed))
            pairs.append((expected[3], observed[3]))
        ranks.append(_rank_correlation(np.array(pairs)))
    cost, latency, _, qoa = np.nanmean(np.array(gaps), axis=0).tolist()
    return qoa, float(np.nanmean(ranks)), cost, latency


def _rank_correlation(pairs: FloatArray) -> float:
    """Spearman's, with mean ranks for ties; 0 where all predictions are equal, NaN where nothing differs."""
    from scipy.stats import rankdata

    if len(pairs) < 3 or np.ptp(pairs[:, 1]) == 0:
        return float("nan")
    if np.ptp(np.round(pairs[:, 0], 9)) == 0:
        return 0.0
    one, other = rankdata(np.round(pairs[:, 0], 9)), rankdata(pairs[:, 1])
    return float(np.corrcoef(one, other)[0, 1])
