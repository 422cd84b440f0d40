"""The worth of a right answer that a mean cost allows, against every worth that matters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.errors import InputError
from optiq.estimation import Estimate
from optiq.planning.choose import choose
from optiq.planning.mean_cost import worth_within
from optiq.plans.plan import Plan
from optiq.questions.question import Weights

QUESTIONS = st.lists(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100)), min_size=1, max_size=4),
    min_size=1,
    max_size=5,
)


def plans_of(figures: list[tuple[float, float]]) -> list[Estimate]:
    return [
        Estimate(Plan.of([f"m{i}"]), cost * 1e-6, 1.0, 1.0, qoa / 100)
        for i, (cost, qoa) in enumerate(figures)
    ]


def mean_cost(questions: list[list[Estimate]], worth_usd: float) -> float:
    chosen = [choose(plans, weights=Weights(worth_usd=worth_usd)).chosen for plans in questions]
    return sum(plan.cost_usd for plan in chosen if plan is not None) / len(chosen)


@given(figures=QUESTIONS, share=st.floats(0, 1))
def test_choices_at_the_worth_keep_the_mean_and_a_higher_worth_would_not(
    figures: list[list[tuple[int, int]]], share: float
) -> None:
    questions = [plans_of(list(plans)) for plans in figures]
    cheapest = sum(min(plan.cost_usd for plan in plans) for plans in questions) / len(questions)
    dearest = mean_cost(questions, 1e9)
    limit = cheapest + share * (dearest - cheapest) + 1e-12
    worth = worth_within(questions, limit)
    if worth is None:
        assert dearest <= limit
    else:
        assert mean_cost(questions, worth) <= limit
        assert mean_cost(questions, worth * 1.011) > limit  # three digits, rounded down


def test_money_goes_to_the_question_where_it_yields_most() -> None:
    easy, hard = plans_of([(1, 80), (10, 82)]), plans_of([(1, 20), (10, 90)])
    worth = worth_within([easy, hard], 5.5e-6)
    assert worth is not None
    chosen = [choose(plans, weights=Weights(worth_usd=worth)).chosen for plans in (easy, hard)]
    assert [plan.qoa for plan in chosen if plan is not None] == [0.8, 0.9]


def test_what_cannot_be_kept_is_said() -> None:
    with pytest.raises(InputError, match="even the cheapest plans cost 1e-06 USD"):
        worth_within([plans_of([(1, 80), (10, 82)])], 1e-7)
    with pytest.raises(InputError, match="some are unknown"):
        worth_within([plans_of([(float("nan"), 80)])], 1.0)
