"""Choosing: limits before weights, scaling over feasible plans, one tie rule, reasons when nothing fits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.estimation import Estimate
from optiq.planning.choose import choose
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Weights

NAN = math.nan


def estimate(name: str, cost: float, latency: float, energy: float, qoa: float) -> Estimate:
    return Estimate(Plan.of([name]), cost, latency, energy, qoa)


CHEAP = estimate("cheap", 1.0, 9.0, 5.0, 0.3)
FAST = estimate("fast", 5.0, 1.0, 5.0, 0.5)
GOOD = estimate("good", 9.0, 9.0, 9.0, 0.9)
FRONTIER = [GOOD, CHEAP, FAST]


@pytest.mark.parametrize(
    ("weights", "chosen"),
    [
        (Weights(1, 0, 0, 0), CHEAP),
        (Weights(0, 1, 0, 0), FAST),
        (Weights(0, 0, 0, 1), GOOD),
        (Weights(), FAST),
    ],
)
def test_weights_decide_between_feasible_plans(weights: Weights, chosen: Estimate) -> None:
    assert choose(FRONTIER, Budget(), weights).chosen == chosen


@pytest.mark.parametrize(
    ("worth_usd", "chosen"),
    [(0.01, CHEAP), (13.3, CHEAP), (13.4, GOOD), (1e6, GOOD)],
    ids=["money counts", "8 USD for 0.6 more are too many", "just not", "money is nothing"],
)
def test_what_a_right_answer_is_worth_decides_what_is_paid_for_it(worth_usd: float, chosen: Estimate) -> None:
    assert choose(FRONTIER, weights=Weights(worth_usd=worth_usd)).chosen == chosen


@given(
    figures=st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=6),
    worth_usd=st.floats(0.1, 100),
)
def test_no_plan_yields_more_for_its_cost_than_the_chosen(
    figures: list[tuple[float, float]], worth_usd: float
) -> None:
    plans = [estimate(f"m{i}", cost, 1.0, 1.0, qoa) for i, (cost, qoa) in enumerate(figures)]
    chosen = choose(plans, weights=Weights(worth_usd=worth_usd)).chosen
    assert chosen is not None
    yields = [worth_usd * plan.qoa - plan.cost_usd for plan in plans]
    assert worth_usd * chosen.qoa - chosen.cost_usd == pytest.approx(max(yields), abs=1e-9 * worth_usd)


def test_with_a_worth_a_figure_that_nobody_gave_is_the_worst() -> None:
    unpriced, unknown = estimate("unpriced", NAN, 1.0, 1.0, 0.9), estimate("unknown", 1.0, 1.0, 1.0, NAN)
    assert (
        choose([unpriced, CHEAP], weights=Weights(worth_usd=1e3)).chosen == unpriced
    )  # as dear as the dearest
    assert choose([unknown, CHEAP, FAST], weights=Weights(worth_usd=1e-3)).chosen == CHEAP


def test_limits_come_before_weights() -> None:
    choice = choose(FRONTIER, Budget(max_cost_usd=5.0), Weights(0, 0, 0, 1))
    assert choice.status == "planned"
    assert choice.chosen == FAST
    assert choice.feasible == (CHEAP, FAST)


def test_metrics_are_scaled_over_the_feasible_plans_only() -> None:
    # a dear plan that is out of budget must not squeeze the costs of the others together
    dear = estimate("dear", 1e6, 0.5, 0.5, 1.0)
    within = Budget(max_cost_usd=10.0)
    assert choose([*FRONTIER, dear], within).chosen == choose(FRONTIER, within).chosen


def test_equal_plans_tie_to_the_first_in_plan_order() -> None:
    twins = [estimate(name, 1.0, 1.0, 1.0, 0.5) for name in ("b", "a", "c")]
    assert choose(twins).chosen == twins[1]


def test_an_unknown_figure_fails_its_limit_and_counts_as_the_worst() -> None:
    unpriced = estimate("unpriced", NAN, 1.0, 1.0, 0.9)
    assert choose([unpriced], Budget(max_cost_usd=1e9)).status == "infeasible"
    assert choose([unpriced], Budget(max_latency_s=1.0)).chosen == unpriced
    assert choose([unpriced, CHEAP], weights=Weights(1, 0, 0, 0)).chosen == CHEAP


def test_a_metric_nobody_knows_does_not_count() -> None:
    frontier = [estimate("a", 1.0, NAN, NAN, 0.2), estimate("b", 2.0, NAN, NAN, 0.9)]
    assert choose(frontier, weights=Weights(0.4, 0.1, 0.1, 0.4)).chosen == frontier[0]
    assert choose(frontier, weights=Weights(0.1, 0.4, 0.4, 0.1)).status == "planned"


def test_infeasible_names_the_limit_the_nearest_and_what_money_would_buy() -> None:
    choice = choose(FRONTIER, Budget(max_cost_usd=0.5, min_qoa=0.4))
    assert choice.status == "infeasible"
    assert choice.chosen is None
    assert choice.reason == "max_cost_usd = 0.5 USD excludes 3 of 3 plans (the cheapest has 1 USD)"
    assert choice.nearest == CHEAP
    assert (choice.cheapest, choice.relaxed) == (FAST, "max_cost_usd")


def test_when_money_does_not_help_the_worst_limit_is_relaxed() -> None:
    choice = choose(FRONTIER, Budget(max_cost_usd=6.0, max_latency_s=0.5))
    assert choice.relaxed == "max_latency_s"
    assert choice.cheapest == CHEAP
    assert "fastest has 1 s" in choice.reason


def test_limits_that_only_together_exclude_all() -> None:
    choice = choose([CHEAP, GOOD], Budget(max_cost_usd=2.0, min_qoa=0.8))
    assert choice.reason.endswith("no single limit excludes all")


def test_an_empty_frontier_and_limits_of_zero() -> None:
    assert choose([]).reason == "there is no plan to choose from"
    free = estimate("free", 0.0, 1.0, 1.0, 0.5)
    assert choose([free, CHEAP], Budget(max_cost_usd=0)).chosen == free
    assert choose([CHEAP, GOOD], Budget(max_cost_usd=0)).nearest == CHEAP
