"""A total for many questions: kept, well spent, and named by the worth of a right answer that keeps it."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from catalogs import build, figures
from hypothesis import given
from hypothesis import strategies as st
from recordings import CHEAP, DEAR, sums_and_poems

from optiq.errors import InputError
from optiq.estimation import Estimate
from optiq.evaluation import replay, summarise
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Setting
from optiq.planning.choose import Choice, choose
from optiq.planning.pipeline import Planning
from optiq.planning.spending import plan_within_mean, spend
from optiq.plans.plan import Plan
from optiq.questions.question import Question, Weights

STATISTICS = build(
    figures("a", qoa=0.4),
    figures("b", qoa=0.6, usd_per_output_token=8e-6, seconds_per_output_token=0.004),
    figures("c", qoa=0.7, usd_per_output_token=3e-5, output_tokens=80.0),
)

PLANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=4)


def offer(figures: list[tuple[float, float]]) -> Choice:
    """Plans of (quality in hundredths, USD), all feasible."""
    plans = [Estimate(Plan.of([f"m{i}"]), cost, 1.0, 1.0, qoa / 100) for i, (qoa, cost) in enumerate(figures)]
    return Choice("planned", None, tuple(plans))


@given(st.lists(PLANS, min_size=1, max_size=4), st.integers(1, 80))
def test_the_total_is_kept_and_at_most_one_plan_short_of_the_best_choice(
    offers: list[list[tuple[int, int]]], total: int
) -> None:
    spending = spend([offer(list(plans)) for plans in offers], total)
    taken = [plans[place] for plans, place in zip(offers, spending.picks, strict=True)]
    spent = sum(cost for _, cost in taken)
    assert spending.cost_usd == pytest.approx(spent)
    cheapest = sum(min(cost for _, cost in plans) for plans in offers)
    assert spent <= max(total, cheapest)
    if cheapest > total:
        assert spent == cheapest
        assert spending.worth_usd == 0
        return
    best = max(
        sum(gain for gain, _ in chosen)
        for chosen in product(*offers)
        if sum(cost for _, cost in chosen) <= total
    )
    gained = sum(gain for gain, _ in taken)
    assert best - max(np.ptp([gain for gain, _ in plans]) for plans in offers) <= gained <= best


@given(st.lists(PLANS, min_size=1, max_size=4), st.floats(0, 1))
def test_choices_at_the_worth_keep_the_total_and_a_higher_worth_would_not(
    offers: list[list[tuple[int, int]]], share: float
) -> None:
    choices = [offer(list(plans)) for plans in offers]

    def cost(worth: float) -> float:
        chosen = [choose(choice.feasible, weights=Weights(worth_usd=worth)).chosen for choice in choices]
        return math.fsum(plan.cost_usd for plan in chosen if plan is not None)

    cheapest = sum(min(cost for _, cost in plans) for plans in offers)
    total = cheapest + share * (cost(1e9) - cheapest) + 1e-9
    spending = spend(choices, total)
    if math.isinf(spending.worth_usd):
        assert cost(1e9) <= total
    else:
        assert cost(spending.worth_usd) <= total
        assert cost(spending.dearer_usd * (1 + 1e-9)) > total


def test_without_need_to_save_the_best_plans_are_taken_and_of_equal_ones_the_cheapest() -> None:
    choices = [offer([(1, 1.0), (3, 5.0), (3, 4.0)]), offer([(2, 9.0)])]
    assert spend(choices, 100.0).picks.tolist() == [2, 0]
    assert spend([], 1.0).picks.tolist() == []


def test_money_goes_to_the_question_where_it_yields_most() -> None:
    easy, hard = offer([(80, 1.0), (82, 10.0)]), offer([(20, 1.0), (90, 10.0)])
    assert spend([easy, hard], 11.0).picks.tolist() == [0, 1]


QUESTIONS = [Question(f"q{i}", "What is the capital of Norway? " * (i + 1)) for i in range(12)]


def test_many_questions_are_planned_by_a_sample_and_the_total_of_all_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statistics = STATISTICS
    planning = Planning(statistics, statistics.models, None, max_operations=2)

    def costs(weights: Weights) -> list[float]:
        chosen = [item.choice.chosen for item in planning_with(weights).plan_all(QUESTIONS)]
        return [plan.cost_usd for plan in chosen if plan is not None]

    def planning_with(weights: Weights) -> Planning:
        return Planning(statistics, statistics.models, None, max_operations=2, weights=weights)

    cheap, dear = np.mean(costs(Weights(1, 0, 0, 0))), np.mean(costs(Weights(0, 0, 0, 1)))
    mean = float(cheap + dear) / 2
    reached, asked = [], []
    plan_all = Planning.plan_all

    def seen(one, questions, **options):
        asked.append([question.question_id for question in questions])
        return plan_all(one, questions, **options)

    monkeypatch.setattr(Planning, "plan_all", seen)
    for sample in (500, 4):
        monkeypatch.setattr("optiq.planning.spending.SAMPLE", sample)
        planned, told = plan_within_mean(planning, QUESTIONS, mean)
        found = [item.choice.chosen.cost_usd for item in planned if item.choice.chosen is not None]
        assert len(found) == len(QUESTIONS)
        assert cheap <= np.mean(found) <= mean * (1 + 1e-9)
        assert f"reached: {np.mean(found):.4g} USD" in told
        reached.append(np.mean(found))
    assert reached[1] == pytest.approx(reached[0], rel=0.5)
    assert ["q0", "q3", "q6", "q9"] in asked, "an even sample"
    with pytest.raises(InputError, match="even the cheapest plans cost"):
        plan_within_mean(planning, QUESTIONS, float(cheap) / 2)


@pytest.mark.parametrize(
    ("unknown", "refused"),
    [("usd_per_output_token", True), ("qoa", True), ("joules_per_output_token", False)],
)
def test_a_mean_cost_needs_the_costs_and_qualities_of_plans_and_no_more(unknown: str, refused: bool) -> None:
    planning = Planning(build(figures("a", **{unknown: math.nan})), ("a",), None, max_operations=1)
    if refused:
        with pytest.raises(InputError, match="some are unknown"):
            plan_within_mean(planning, QUESTIONS[:2], 1.0)
    else:
        planned, _ = plan_within_mean(planning, QUESTIONS[:2], 1.0)
        assert all(item.choice.chosen is not None for item in planned)


def test_a_mean_cost_sends_the_dear_model_to_the_questions_that_need_it() -> None:
    outcomes = sums_and_poems(80)
    names = [f"single:{CHEAP}", f"single:{DEAR}", "opti-q:mean_cost=2.6", "opti-q:as_single=on"]
    frame = replay(outcomes, make_policies(names), Setting(), folds=5)
    found = {line.policy: line for line in summarise(frame, reference=f"single:{DEAR}")}
    # half of the questions at 1, half at 4
    assert found["opti-q:mean_cost=2.6"].qoa.mean == pytest.approx(0.9, abs=0.02)
    assert found["opti-q:mean_cost=2.6"].cost_usd <= 2.6 * 1.03
    assert found["opti-q:as_single=on"].cost_usd <= found[f"single:{DEAR}"].cost_usd * 1.03
