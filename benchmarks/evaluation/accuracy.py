"""How far estimates are from what was observed, per topic and plan, on questions they did not learn from.

Two ways of grouping, because one flatters: averaged over all folds, the means of leave-one-out predictions of a
group equal the group's own mean, so that any estimator which follows the few other questions of a topic seems
right. ``halves`` learns from half of a topic's questions and is judged on the means of the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import FloatArray, IntArray, Outcomes
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Setting

PREDICTORS = {
    "opti-q": "opti-q",
    "without neighbours": "opti-q:neighbours=off",
    "without topics": "opti-q:topics=off",
    "without looks": "opti-q:looks=off",
    "drawn to published figures": "opti-q:priors=on",
    "paper": "opti-q-paper",
}
"""By name the policy whose estimates are judged."""


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


def _predicted(outcomes: Outcomes, spec: str, setting: Setting, folds: int) -> tuple[FloatArray, FloatArray]:
    """Predictions (questions, plans, 4) from other folds, and the fold of each question."""
    fold_of = split(outcomes.questions, folds, setting.seed)
    found = np.full(outcomes.values.shape, np.nan)
    for fold in range(folds):
        (policy,) = (make() for make in make_policies([spec]).values())
        policy.learn(outcomes.only(np.flatnonzero(fold_of != fold)), setting)
        places = np.flatnonzero(fold_of == fold).tolist()
        recorded = [outcomes.scored(q).tolist() for q in places]
        plans = [[outcomes.plans[p] for p in columns] for columns in recorded]
        asked = policy.asked([outcomes.questions[q] for q in places])
        for q, columns, estimates in zip(
            places, recorded, policy.planning.estimates(asked, plans), strict=True
        ):
            found[q, columns] = [estimate.metrics for estimate in estimates]
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
