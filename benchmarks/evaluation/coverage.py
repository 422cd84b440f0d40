"""Whether bounds hold as often as they say, on questions, and on plans, that they did not learn from.

Cost, latency and energy: the share of held-out runs within the bound. Quality: the bound is one of a mean, and the
mean of a few held-out answers scatters by itself; so the share of (topic, plan, fold) whose held-out mean is above
the bound that counts this scatter in. ``never run``: each plan is estimated without any of its own runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optiq.estimation.catalog import Catalog
from optiq.estimation.risk import Risk
from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies.opti_q import OptiQ
from optiq.evaluation.replay import Setting

Row = tuple[str, ...]

CONFIDENCES = (0.5, 0.8, 0.9, 0.95)
PLAN_FOLDS = 4


def coverage(outcomes: Outcomes, setting: Setting, repeats: int) -> list[Row]:
    """One row per kind of history and confidence: shares within the bounds of cost, latency, energy, QoA."""
    rows = []
    for name, unseen in (("plans that ran", False), ("plans never run", True)):
        for confidence in CONFIDENCES:
            hits: list[list[float]] = [[], [], [], []]
            for repeat in range(repeats):
                again = replace(setting, confidence=confidence, seed=setting.seed + repeat)
                for history, held, plans in _splits(outcomes, again.seed, unseen):
                    for metric, found in enumerate(_hits(history, held, plans, again)):
                        hits[metric] += found
            shares = [f"{np.mean(h):.1%} of {len(h)}" if h else "–" for h in hits]
            rows.append((name, f"{confidence:.0%}", *shares))
    return rows


def _splits(outcomes: Outcomes, seed: int, unseen: bool) -> Iterator[tuple[Outcomes, Outcomes, set[int]]]:
    """History, held-out questions, and the plans that are judged on them."""
    fold_of = split(outcomes.questions, 5, seed)
    composed = np.array([plan.k > 1 for plan in outcomes.plans])
    plan_fold = np.where(composed, np.random.default_rng(seed).integers(0, PLAN_FOLDS, len(composed)), -1)
    for fold in range(5):
        history = outcomes.only(np.flatnonzero(fold_of != fold))
        held = outcomes.only(np.flatnonzero(fold_of == fold))
        if not unseen:
            yield history, held, set(range(len(outcomes.plans)))
            continue
        for part in range(PLAN_FOLDS):
            hidden = plan_fold == part
            values, counts = history.values.copy(), history.counts.copy()
            values[:, hidden], counts[:, hidden] = np.nan, 0
            less = Outcomes(history.questions, history.plans, values, counts, history.answers, history.calls)
            yield less, held, set(np.flatnonzero(hidden).tolist())


def _hits(history: Outcomes, held: Outcomes, plans: set[int], setting: Setting) -> list[list[float]]:
    """Per metric whether held-out runs, of quality held-out means, are within the bounds."""
    assert setting.confidence is not None
    policy = OptiQ()
    policy.learn(history, setting)
    planning = policy.planning
    found: list[list[float]] = [[], [], [], []]
    groups: dict[tuple[str, str, int], list[tuple[float, float, float, float]]] = {}
    recorded = [held.scored(q).tolist() for q in range(len(held.questions))]
    every = planning.estimates(held.questions, [[held.plans[p] for p in places] for places in recorded])
    for q, asked in enumerate(held.questions):
        topic = asked.topics[0][0] if asked.topics else "*"
        shape = planning.shape(asked)
        risk = Risk(
            Catalog(planning.statistics, topic, asked.kind, shape, history.plans[0].models[0]),
            setting.confidence,
            planning.estimator.start_answers,
        )
        for p, item in zip(recorded[q], every[q], strict=True):
            own = risk.catalog.records.get(held.plans[p].key)
            if p not in plans or (own is None) != (len(plans) < len(held.plans)):
                continue
            for metric in range(3):
                if not math.isnan(item.judged[metric]):
                    found[metric].append(float(held.values[q, p, metric] <= item.judged[metric]))
            within = risk.spread.within_qoa.value
            row = (held.values[q, p, 3], item.qoa, risk.variance(held.plans[p]), within)
            groups.setdefault((topic, asked.kind.value, p), []).append(row)
    z = max(risk.z, 0.0)
    for rows in groups.values():
        observed, expected, variance, within = np.mean(rows, axis=0).tolist()
        found[3].append(float(observed >= expected - z * math.sqrt(variance + within / len(rows))))
    return found
