"""Exploration that is bounded: a small share of questions goes to models whose quality is uncertain and could win.

Thompson sampling (1933) on what the statistics say: the quality of each model alone is drawn around its estimate, as
wide as that is uncertain (:mod:`optiq.estimation.risk`), and where another model than the planned one is drawn best,
it is asked instead. Hard limits and quality floors hold for it as for any plan. What is certain is not explored: the
share is the most, and less is used as more is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optiq.estimation.catalog import Catalog
from optiq.estimation.estimates import Cautious, Estimate
from optiq.estimation.estimator import Estimator
from optiq.estimation.risk import Risk
from optiq.planning.choose import limit_array, meets
from optiq.planning.items import topics_of
from optiq.planning.pipeline import PlannedQuestion, Planning
from optiq.plans.plan import Plan

_DRAWS = 5
"""So many questions are drawn for each that may be explored: of what is nearly certain most draws change nothing."""


def explore(
    planning: Planning, planned: Sequence[PlannedQuestion], share: float, seed: int | Sequence[int]
) -> tuple[list[PlannedQuestion], frozenset[str]]:
    """The questions with other plans for at most ``share`` of them (rounded by chance), and the ids of these.

    What they are expected to cost more than planned is at most ``share`` of what all are expected to cost.
    """
    able = [
        place
        for place, item in enumerate(planned)
        if item.choice.chosen is not None
        and (item.question.wishes is None or item.question.wishes.model is None)
    ]
    draw = np.random.default_rng(seed)
    most = math.floor(share * len(able) + draw.random())  # of a few questions now and then one
    found: list[PlannedQuestion] = list(planned)
    changed: set[str] = set()
    if most < 1 or len(planning.pool) < 2:
        return found, frozenset()
    cost = math.fsum(max(_cost(planned[place].choice.chosen), 0.0) for place in able)
    left_usd = share * cost
    beliefs: dict[object, tuple[np.ndarray, np.ndarray]] = {}
    for place in draw.permutation(able)[: _DRAWS * most].tolist():
        if len(changed) >= most:
            break
        item = planned[place]
        chosen = item.choice.chosen
        assert chosen is not None
        key = topics_of(item.question, planning.statistics), item.question.kind.task, chosen.plan.key
        if key not in beliefs:
            beliefs[key] = _beliefs(planning, item, chosen)
        mean, deviation = beliefs[key]
        sampled = mean + deviation * draw.standard_normal(len(mean))
        best = int(np.nanargmax(np.where(np.isnan(sampled), -np.inf, sampled)))
        if best == len(planning.pool) or chosen.plan == Plan.of([planning.pool[best]]):
            continue
        other = planning.estimates([item.question], [[Plan.of([planning.pool[best]])]])[0][0]
        more = _cost(other) - _cost(chosen)
        if (
            not bool(np.all(meets(np.array(other.judged), limit_array(item.question.budget))))
            or more > left_usd
        ):
            continue
        left_usd -= max(more, 0.0)
        found[place] = replace(item, choice=replace(item.choice, chosen=other))
        changed.add(item.question.question_id)
    return found, frozenset(changed)


def _beliefs(planning: Planning, item: PlannedQuestion, chosen: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the quality of each model of the pool alone, then of the chosen plan."""
    estimator, question = planning.estimator, item.question
    plans = [Plan.of([name]) for name in planning.pool]
    mean, variance = np.zeros(len(plans) + 1), np.zeros(len(plans) + 1)
    for topic, weight in topics_of(question, planning.statistics):
        catalog = Catalog(
            planning.statistics, topic, question.kind, planning.shape(question), planning.blender
        )
        risk = _risk(estimator, catalog)
        rules = estimator.on(catalog)
        mean[:-1] += weight * np.array([rules.alone(name).value for name in planning.pool])
        variance += weight * np.array([risk.variance(plan) for plan in [*plans, chosen.plan]])
    mean[-1] = chosen.qoa
    return mean, np.sqrt(variance)


def _risk(estimator: Estimator, catalog: Catalog) -> Risk:
    return Risk(catalog, Cautious(None, 1.0), estimator.start_answers)


def _cost(estimate: Estimate | None) -> float:
    """What a plan is expected to cost; what nobody priced costs nothing here: hard limits see to it."""
    return 0.0 if estimate is None or math.isnan(estimate.cost_usd) else estimate.cost_usd
