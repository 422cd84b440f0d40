"""Protection from luck: limits that are likely kept, and the best single model unless something is surely better."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from catalogs import assert_equal_to_the_oracle, build, figures, random_catalog, record

from optiq.estimation import Estimate
from optiq.estimation.estimates import Cautious, probability_of, uncompared
from optiq.estimation.estimator import make_estimator
from optiq.estimation.pool import Pool
from optiq.planning import Planning
from optiq.planning.choose import unsafe
from optiq.planning.given import plan_among
from optiq.planning.left_out import why_left_out
from optiq.planning.one_by_one import OneByOne
from optiq.questions.question import BEST_ANSWER, Budget, Question, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import ModelFigures, Record

QUESTION = Question("1", "Who painted this?", (("Art", 1.0),))
TOPICS = ("Art", "Law", "Sport")


def ran(
    plan: str, qoa: float, n: int, topic: str = "Art", cost: float = 1e-5, scatter: float = 0.4
) -> Record:
    return record(
        plan, topic, qoa=qoa, n_observations=n, n_questions=n, var_qoa=0.2,
        cost_usd=cost, var_cost_usd=(scatter * cost) ** 2,
    )  # fmt: skip


def planning(*rows: ModelFigures | Record, **settings: Any) -> Planning:
    estimator = make_estimator("shrunk", build(*rows))
    given = {
        "safe_limits": True,
        "gain_probability": 0.8,
        "weights": BEST_ANSWER,
        "max_operations": 2,
        **settings,
    }
    return Planning(estimator, ("a", "b"), None, **given)


def chosen(one: Planning, budget: Budget | None = None) -> Estimate | None:
    return one.plan(replace(QUESTION, budget=budget or Budget())).choice.chosen


def everywhere(a: float, b: float, n: int) -> list[Record]:
    return [ran(name, qoa, n, topic) for topic in TOPICS for name, qoa in (("a", a), ("b", b))]


MODELS = (figures("a", qoa=0.6), figures("b", qoa=0.6))


LIMITS: list[Budget] = [
    Budget(),
    Budget(min_qoa=0.55),
    Budget(max_cost_usd=1.05e-5),
    Budget(max_cost_usd=3e-5, max_latency_s=1e9),
    Budget(max_cost_usd=1e-9),
]


@pytest.mark.parametrize("budget", LIMITS, ids=lambda budget: budget.describe())
@pytest.mark.parametrize("gain_probability", [0.5, 0.8])
def test_a_plan_is_left_out_for_what_left_it_out(budget: Budget, gain_probability: float) -> None:
    """A limit is named only where it is given and not kept, the gain only where plans are compared."""
    rows = [*MODELS, *everywhere(0.5, 0.7, 40), *(ran("a → b", 0.9, 2, topic, 2e-5) for topic in TOPICS)]
    for row in range(len(rows)):
        if isinstance(rows[row], Record):
            rows[row] = replace(rows[row], latency_s=1.0, var_latency_s=0.04)
    one = planning(*rows, gain_probability=gain_probability)
    planned = one.plan(replace(QUESTION, budget=budget))
    able = {plan.plan.key for plan in planned.choice.feasible}
    reasons = why_left_out(planned.frontier, planned.choice, budget)
    for plan, reason in zip(planned.frontier, reasons, strict=True):
        cost, qoa = plan.judged[0], plan.qoa
        over = budget.max_cost_usd is not None and not cost <= budget.max_cost_usd
        below = budget.min_qoa is not None and not qoa >= budget.min_qoa
        assert (reason == "") == (plan.plan.key in able)
        if reason:
            assert (("over cost" in reason), ("below QoA floor" in reason)) == (over, below)
            assert ("may go over" in reason) == (over and plan.cost_usd <= (budget.max_cost_usd or 0))
            assert ("gain over" in reason) == (not over and not below)
            assert gain_probability > 0.5 or over or below
    if budget == Budget():
        assert any(reasons) == (gain_probability > 0.5), "two lucky runs are no sure gain"


@pytest.mark.parametrize("weights", [BEST_ANSWER, Weights(0, 0, 0, 1), Weights(worth_usd=1.0)])
def test_a_lucky_topic_does_not_replace_the_best_single_model(weights: Weights) -> None:
    # b is better by far elsewhere, a was lucky on four questions of this topic
    rows = [
        *MODELS,
        *(r for r in everywhere(0.5, 0.7, 40) if r.topic != "Art"),
        ran("a", 1.0, 4),
        ran("b", 0.5, 4),
    ]
    sure = chosen(planning(*rows, weights=weights))
    bold = chosen(planning(*rows, weights=weights, gain_probability=0.5))
    assert sure is not None
    assert bold is not None
    assert (sure.plan.key, "a" in bold.plan.models) == ("1:0:b", True)


def test_what_is_surely_better_replaces_it() -> None:
    rows = [
        *MODELS,
        *(r for r in everywhere(0.5, 0.7, 200) if r.topic != "Art"),
        ran("a", 0.9, 200),
        ran("b", 0.5, 200),
    ]
    found = chosen(planning(*rows, max_operations=1))
    assert found is not None
    assert found.plan.key == "1:0:a"


def test_where_nothing_can_be_gained_it_is_the_best_single_model_at_its_cost() -> None:
    """Many plans of equal worth, five lucky or unlucky answers each: one of them always looks better."""
    draw = np.random.default_rng(3)
    names = ["a", "b", "a → b", "b → a", "a → a", "b → b"]
    rows: list[ModelFigures | Record] = [*MODELS]
    for topic in TOPICS:
        rows += [ran(name, float(draw.binomial(5, 0.6)) / 5, 5, topic) for name in names[2:]]
        rows += [ran("a", 0.62, 5, topic), ran("b", 0.55, 5, topic)]
    one = planning(*rows)
    for topic in TOPICS:
        found = one.plan(replace(QUESTION, topics=((topic, 1.0),))).choice.chosen
        assert found is not None
        assert found.plan.key == "1:0:a"


def test_the_best_single_model_is_one_within_the_limits() -> None:
    rows = [*MODELS]
    for topic in TOPICS:
        rows += [ran("a", 0.9, 50, topic, cost=1e-3), ran("b", 0.5, 50, topic)]
    found = chosen(planning(*rows, max_operations=1), Budget(max_cost_usd=1e-4))
    assert found is not None
    assert found.plan.key == "1:0:b"
    assert found.bounds is not None
    assert found.bounds.confidence == Cautious(
        0.95, learned=True, against="b", deviations=pytest.approx(0.8416, abs=1e-4)
    )


def test_limits_hold_with_95_percent_where_runs_tell_how_they_scatter() -> None:
    rows = [*MODELS, *everywhere(0.7, 0.5, 5)]
    one = planning(*rows, max_operations=1)
    tight = Budget(max_cost_usd=1.05e-5)
    refused = one.plan(replace(QUESTION, budget=tight))
    assert refused.choice.chosen is None
    assert "--no-safe-limits" in refused.choice.reason
    assert {e.plan.key for e in unsafe(refused.frontier, tight)} == {"1:0:a"}
    assert chosen(replace(one, safe_limits=False), tight) is not None
    wide = chosen(one, Budget(max_cost_usd=3e-5))
    assert wide is not None
    assert wide.cost_usd < wide.judged[0] <= 3e-5


def test_limits_hold_with_95_percent_together() -> None:
    """Each of two may go wrong half as often as one alone, so that its bound is farther off."""
    rows = [replace(row, latency_s=1.0, var_latency_s=0.04) for row in everywhere(0.6, 0.5, 20)]
    one = planning(*MODELS, *rows, max_operations=1)
    held = [
        found.bounds
        for budget in (Budget(max_cost_usd=1.0), Budget(max_cost_usd=1.0, max_latency_s=100.0))
        if (found := chosen(one, budget)) is not None and found.bounds is not None
    ]
    assert [probability_of(bounds.confidence) for bounds in held] == pytest.approx([0.95, 0.975])
    assert 1e-5 < held[0].cost_usd < held[1].cost_usd


def test_published_figures_alone_still_plan_within_tight_limits() -> None:
    one = planning(*MODELS)
    least = chosen(one)
    assert least is not None
    found = chosen(one, Budget(max_cost_usd=least.cost_usd, max_latency_s=least.latency_s))
    assert found is not None
    assert found.judged[:3] == found.metrics[:3]


def test_a_floor_holds_for_what_is_expected() -> None:
    rows = [*MODELS, *everywhere(0.5, 0.45, 20), *(ran("a → b", 0.9, 30, topic) for topic in TOPICS)]
    found = chosen(planning(*rows), Budget(min_qoa=0.6))
    assert found is not None
    assert found.plan.key == "2:1:a>b"


def test_a_confidence_that_is_given_holds_instead() -> None:
    one = planning(*MODELS, *everywhere(0.7, 0.5, 5), confidence=0.9)
    found = chosen(one)
    assert found is not None
    assert found.bounds is not None
    assert found.bounds.confidence == 0.9


def test_the_frontier_that_is_shown_is_not_compared_and_holds_the_chosen_plan() -> None:
    rows = [
        *MODELS,
        *(r for r in everywhere(0.5, 0.7, 40) if r.topic != "Art"),
        ran("a", 1.0, 4),
        ran("b", 0.5, 4),
    ]
    one = planning(*rows)
    plain = replace(one, gain_probability=0.5, safe_limits=False).plan(QUESTION).frontier
    planned = one.plan(QUESTION)
    assert planned.choice.chosen is not None
    assert {e.plan for e in planned.frontier} == {e.plan for e in plain} | {planned.choice.chosen.plan}


@pytest.mark.parametrize("seed", range(6))
def test_arrays_and_the_oracle_agree_and_so_do_batches_one_by_one_and_given_plans(seed: int) -> None:
    statistics = random_catalog(seed, "ab", "z", topics=("Art", "Law"), missing=0.0)
    against = Cautious(0.95, learned=True, against="a", deviations=0.8)
    known = make_estimator("shrunk", statistics)
    assert_equal_to_the_oracle(known, Pool(("a", "b"), "z"), 3, topics=("Art", "Law"), confidence=against)
    one = Planning(
        known, ("a", "b"), "z", max_operations=3, weights=BEST_ANSWER, safe_limits=True, gain_probability=0.8
    )
    items = one.read([replace(QUESTION, budget=Budget(max_cost_usd=limit)) for limit in (None, 1e-3, 3e-4)])
    items += [replace(item, shifts=Shifts(9, (("a", 0.1), ("b", -0.1), ("z", 0.05)))) for item in items]
    questions = [replace(QUESTION, budget=item.budget) for item in items[:3]]
    every = [plan.plan for plan in replace(one, gain_probability=0.5).plan(QUESTION).frontier]
    together = one.plan_all(questions)
    alone = [one.plan(question).choice for question in questions]
    served = OneByOne(one)
    for item, batch, single in zip(items[:3], together, alone, strict=True):
        by_one = served.choose(item)
        keys = {None if c.chosen is None else c.chosen.plan.key for c in (batch.choice, single, by_one)}
        assert len(keys) == 1
    given = plan_among(
        one, questions, [every + [c.choice.chosen.plan for c in together if c.choice.chosen]] * 3
    )
    for mine, batch in zip(given, together, strict=True):
        if batch.choice.chosen is not None:
            assert mine.choice.chosen is not None
            assert mine.choice.chosen.judged[-1] >= batch.choice.chosen.judged[-1] - 1e-9
    for item in items[3:]:
        choice = served.choose(item)
        assert choice.chosen is None or not math.isnan(choice.chosen.qoa)


def test_what_is_left_without_the_comparison() -> None:
    assert uncompared(None) is None
    assert uncompared(0.9) == 0.9
    assert uncompared(Cautious(None, against="a", deviations=1.0)) is None
    assert uncompared(Cautious(0.95, learned=True, against="a", deviations=1.0)) == Cautious(
        0.95, learned=True
    )


def test_statistics_that_say_nothing_of_quality_compare_nothing() -> None:
    one = planning(figures("a", qoa=math.nan), figures("b", qoa=math.nan))
    found = chosen(one)
    assert found is not None
    assert found.bounds is None
