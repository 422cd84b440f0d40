"""Preference and infeasibility figure by figure, against rules written for one plan at a time."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optiq.errors import InputError
from optiq.estimation.estimates import Bounds, Estimate
from optiq.planning.choose import (
    choose,
    limit_array,
    meets,
    pick,
    rank,
    unsafe,
    violations,
    weight_array,
    weighted_losses,
    worth_losses,
)
from optiq.plans.plan import Plan
from optiq.questions.question import NEAR, PREFERENCES, Budget, Weights

NAN = math.nan
figure = st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 5.0, NAN])
quality = st.sampled_from([0.0, 0.25, 0.5, 1.0, NAN])
rows = st.lists(st.tuples(figure, figure, figure, quality), min_size=1, max_size=6)
weight = st.sampled_from([0.0, 0.1, 0.5, 1.0])


def plain_losses(plans, within, weights):
    """Each metric from 0 (best of those within) to 1 (worst), unknown 1, unknown of all 0; weighted and added."""
    found = []
    for plan, possible in zip(plans, within, strict=True):
        loss = 0.0
        for place, (value, share) in enumerate(zip(plan, weights, strict=True)):
            known = [
                other[place]
                for other, ok in zip(plans, within, strict=True)
                if ok and not math.isnan(other[place])
            ]
            if not known or max(known) == min(known):
                loss += share if known and math.isnan(value) else 0.0
            elif math.isnan(value):
                loss += share
            else:
                scaled = (value - min(known)) / (max(known) - min(known))
                loss += share * (1 - scaled if place == 3 else scaled)
        found.append(loss if possible else math.inf)
    return found


@given(rows, st.lists(st.booleans(), min_size=6, max_size=6), st.tuples(weight, weight, weight, weight))
def test_losses_are_those_of_the_plain_rule(plans, able, weights):
    within = able[: len(plans)]
    within[0] = True
    array = np.array([*weights, NAN])
    found = weighted_losses(np.array(plans), np.array(within), array)
    assert found.tolist() == pytest.approx(plain_losses(plans, within, weights))
    picked = int(pick(np.array(plans), np.array(within), array))
    assert found[picked] == min(found)
    assert picked == found.tolist().index(min(found)), "of equal plans the first"


def test_a_batch_is_preferred_question_by_question():
    """The same plans under two budgets and two preferences at once."""
    plans = np.array([[1.0, 9.0, 5.0, 0.3], [5.0, 1.0, 5.0, 0.5], [9.0, 9.0, 9.0, 0.9]])
    within = np.array([[True, True, True], [False, True, True]])
    weights = np.array([[1.0, 0.0, 0.0, 0.0, NAN], [0.0, 0.0, 0.0, 0.0, 20.0]])
    found = weighted_losses(np.stack([plans, plans]), within, weights)
    assert found[0].tolist() == [0.0, 0.5, 1.0]
    assert found[1, 0] == math.inf
    assert found[1, 1:] == pytest.approx([5 / 20 - 0.5, 9 / 20 - 0.9])
    assert pick(np.stack([plans, plans]), within, weights).tolist() == [0, 2]


def test_what_a_plan_yields_is_told_to_twelve_digits_and_ties_go_to_the_cheaper():
    assert worth_losses(np.array([1.0, 3.0]), np.array([-0.5, -0.9]), 4.0) == pytest.approx([-0.25, -0.15])
    tied = worth_losses(np.array([2.0, 1.0]), np.array([-1.0, -0.5]), 2.0)
    assert tied[0] == pytest.approx(tied[1])
    assert tied[1] < tied[0]
    assert worth_losses(np.array([0.0, 0.0]), np.array([-0.5, -0.5]), 1.0).tolist() == [-0.5, -0.5]


@pytest.mark.parametrize(
    ("budget", "met"),
    [
        (Budget(), True),
        (Budget(max_cost_usd=1.0, max_latency_s=2.0, max_energy_j=3.0, min_qoa=0.5), True),
        (Budget(max_cost_usd=0.999), False),
        (Budget(max_latency_s=1.999), False),
        (Budget(max_energy_j=2.999), False),
        (Budget(min_qoa=0.501), False),
    ],
)
def test_limits_are_met_to_the_last_digit(budget, met):
    values = np.array([[1.0, 2.0, 3.0, 0.5]])
    limits = limit_array(budget)
    assert bool(meets(values, limits).all()) is met
    assert bool(violations(values, limits).sum() == 0) is met


def test_weights_keep_their_places():
    assert weight_array(Weights(0.1, 0.2, 0.3, 0.4)).tolist()[:4] == [0.1, 0.2, 0.3, 0.4]
    assert math.isnan(weight_array(Weights())[4])
    assert weight_array(Weights(worth_usd=7.0))[4] == 7.0


def test_a_violation_is_a_share_of_its_limit():
    values = np.array([[3.0, 5.0, 1.0, 0.2], [2.0, NAN, 1.0, 0.8]])
    shares = violations(values, np.array([2.0, 4.0, NAN, 0.4]))
    assert shares[0] == pytest.approx([0.5, 0.25, 0.0, 0.5])
    assert shares[1] == pytest.approx([0.0, 10.0, 0.0, 0.0])
    assert violations(values, np.array([0.0, NAN, NAN, NAN]))[:, 0] == pytest.approx([3 / 3, 2 / 3])
    assert violations(np.array([[0.0, 1.0, 1.0, 1.0]]), np.zeros(4))[0].tolist() == [0.0, 1.0, 1.0, 0.0]


def estimate(name, *figures, bounds=None):
    return Estimate(Plan.of([name]), *figures, bounds=bounds)


PLANS = [
    estimate("a", 1.0, 9.0, 50.0, 0.3),
    estimate("b", 5.0, 1.0, 40.0, 0.5),
    estimate("c", 9.0, 9.0, 9.0, 0.9),
]


@pytest.mark.parametrize(
    ("budget", "reason", "nearest", "cheapest", "relaxed"),
    [
        (
            Budget(max_latency_s=0.5),
            "max_latency_s = 0.5 s excludes 3 of 3 plans (the fastest has 1 s)",
            "b",
            "a",
            "max_latency_s",
        ),
        (
            Budget(max_energy_j=8.0),
            "max_energy_j = 8 J excludes 3 of 3 plans (the leanest has 9 J)",
            "c",
            "a",
            "max_energy_j",
        ),
        (
            Budget(min_qoa=0.95),
            "min_qoa = 0.95 excludes 3 of 3 plans (the best has 0.9)",
            "c",
            "a",
            "min_qoa",
        ),
        (
            Budget(max_cost_usd=4.0, min_qoa=0.6),
            "max_cost_usd = 4 USD excludes 2 of 3 plans (the cheapest has 1 USD); no single limit excludes all",
            "b",
            "c",
            "max_cost_usd",
        ),
        (
            Budget(max_cost_usd=0.5, max_latency_s=0.5),
            "max_cost_usd = 0.5 USD excludes 3 of 3 plans (the cheapest has 1 USD)",
            "b",
            None,
            "",
        ),
    ],
)
def test_what_excludes_which_plans_and_what_would_help(budget, reason, nearest, cheapest, relaxed):
    choice = choose(PLANS, budget)
    assert (choice.status, choice.chosen, choice.feasible) == ("infeasible", None, ())
    assert choice.reason == reason
    assert choice.nearest.plan.models == (nearest,)
    assert (choice.cheapest and choice.cheapest.plan.models) == (cheapest and (cheapest,))
    assert choice.relaxed == relaxed


def test_a_limit_on_what_nobody_knows_says_so():
    unknown = [estimate("a", NAN, 1.0, 1.0, 0.5), estimate("b", NAN, 2.0, 1.0, 0.5)]
    choice = choose(unknown, Budget(max_cost_usd=1.0))
    assert choice.reason == ("max_cost_usd = 1 USD excludes 2 of 2 plans, since nothing is known of any")
    assert choice.cheapest.plan.models == ("a",)


def test_with_a_confidence_it_is_said_how_many_would_do_as_expected():
    def sure(name, cost):
        return estimate(name, cost, 1.0, 1.0, 0.5, bounds=Bounds(0.9, 2 * cost, 1.0, 1.0, 0.5))

    plans = [sure("a", 1.0), sure("b", 2.0), sure("c", 3.0)]
    told = "; limits are to hold with confidence 0.9"
    assert choose(plans, Budget(max_cost_usd=0.5)).reason.endswith(told)
    one, two = (
        choose(plans, Budget(max_cost_usd=1.5)).reason,
        choose(plans[1:], Budget(max_cost_usd=3.0)).reason,
    )
    assert f"{told}, as expected 1 of the plans meets them" in one
    assert f"{told}, as expected 2 of the plans meet them" in two
    assert choose(plans, Budget(max_cost_usd=2.0)).chosen == plans[0], "judged by its bound"


def test_a_plan_is_unsafe_if_any_of_its_bounds_breaks_a_limit():
    one = Estimate(Plan.of(["a"]), 1.0, 1.0, 1.0, 0.5, bounds=Bounds(0.9, 2.0, 1.0, 1.0, 0.5))
    budget = Budget(max_cost_usd=1.5, max_latency_s=5.0)
    assert unsafe([one, replace(one, bounds=Bounds(0.9, 1.2, 1.0, 1.0, 0.5))], budget) == [one]
    assert unsafe([replace(one, bounds=None)], budget) == []
    assert unsafe([], budget) == []


def test_plans_are_ranked_by_their_losses():
    ranked = rank(PLANS, Weights(1.0, 0.0, 0.0, 0.0))
    assert [(one.plan.models[0], loss) for one, loss in ranked] == [("a", 0.0), ("b", 0.5), ("c", 1.0)]
    assert [one.plan.models[0] for one, _ in rank(PLANS, Weights(0.0, 0.0, 0.0, 1.0))] == ["c", "b", "a"]
    assert [loss for _, loss in rank(PLANS)] == sorted(loss for _, loss in rank(PLANS))
    assert rank([]) == []


@example([(0.25, 0.0, 0.25, 0.25), (0.0, 0.0, 0.0, 0.0), (math.nan, 0.0, 0.0, 0.25)], [True] * 6)
@given(rows, st.lists(st.booleans(), min_size=6, max_size=6))
def test_quality_first_takes_the_cheapest_of_those_that_are_as_good(plans, able):
    within = np.array(able[: len(plans)])
    within[0] = True
    values = np.array(plans)
    picked = int(pick(values, within, weight_array(PREFERENCES["quality"])))
    known = [plan[3] for plan, ok in zip(plans, within, strict=True) if ok and not math.isnan(plan[3])]
    assert within[picked]
    if not known:
        return
    good = [p for p, ok in zip(plans, within, strict=True) if ok and p[3] >= max(known) - NEAR]
    assert plans[picked][3] >= max(known) - NEAR
    costs = [plan[0] for plan in good if not math.isnan(plan[0])]
    if costs:
        assert plans[picked][0] == min(costs)


def test_near_ties_of_quality_go_to_the_cheaper_one():
    plans = [
        Estimate(Plan.of(["a"]), 1.0, 1.0, 1.0, 0.80),
        Estimate(Plan.of(["b"]), 0.1, 1.0, 1.0, 0.785),
        Estimate(Plan.of(["c"]), 0.01, 1.0, 1.0, 0.77),
    ]
    assert choose(plans, weights=PREFERENCES["quality"]).chosen.plan == Plan.of(["b"])
    assert choose(plans, weights=PREFERENCES["cheapest"]).chosen.plan == Plan.of(["c"])
    floor = Budget(min_qoa=0.79)
    assert choose(plans, floor, PREFERENCES["cheapest"]).chosen.plan == Plan.of(["a"])
    assert [estimate.plan.models[0] for estimate, _ in rank(plans, PREFERENCES["quality"])] == ["b", "a", "c"]


def test_preferences_are_read_by_their_words():
    assert Weights.parse("equal") == Weights() == PREFERENCES["balanced"]
    assert Weights.parse("quality").first == "qoa"
    with pytest.raises(InputError, match="quality, balanced"):
        Weights.parse("best=1")
