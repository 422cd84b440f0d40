"""A total is spent, never more, on what yields most; questions that take more than expected change what follows."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from catalogs import build, figures

from optiq.planning import Planning
from optiq.planning.allotment import Allotment
from optiq.questions.metric import COST, ENERGY
from optiq.questions.question import BEST_ANSWER, Budget, Question

MODELS = (("small", 1.0, 0.4), ("middle", 6.0, 0.6), ("large", 40.0, 0.8))
KNOWN = build(
    *(
        figures(
            name,
            usd_per_prompt_token=price * 1e-7,
            usd_per_output_token=price * 4e-7,
            joules_per_prompt_token=price * 0.01,
            joules_per_output_token=price * 0.04,
            output_tokens=10.0,
            qoa=qoa,
        )
        for name, price, qoa in MODELS
    )
)
PLANNING = Planning(KNOWN, tuple(name for name, _, _ in MODELS), None, max_operations=1, weights=BEST_ANSWER)


def questions(n: int, seed: int = 0) -> list[Question]:
    draw = random.Random(seed)
    return [Question(f"q{i}", "word " * draw.randint(4, 60)) for i in range(n)]


def spend_it(total: float, n: int, off: float, metric=COST, scatter: float = 0.4, seed: int = 1):
    """A run as a ledger lets it be: what a plan may take at most must be left. Spent, and the mean QoA expected."""
    draw = random.Random(seed)
    spent, asked, qoa, refused = 0.0, questions(n), [], 0

    def most(_, planned) -> float:
        return 3.0 * getattr(planned.choice.chosen, metric.name)

    allotment = Allotment(PLANNING, asked, metric, lambda: total - spent, most)
    size = max(n // 20, 1)
    for start in range(0, n, size):
        for planned in allotment.plan(PLANNING, asked[start : start + size]):
            name = planned.question.question_id
            if most(None, planned) > total - spent:
                planned = allotment.cheaper(planned)
            if planned is None:
                refused += 1
                allotment.took(name, None)
                continue
            took = (
                getattr(planned.choice.chosen, metric.name)
                * off
                * draw.lognormvariate(-(scatter**2) / 2, scatter)
            )
            took = min(took, most(None, planned))
            spent += took
            allotment.took(name, took)
            qoa.append(planned.choice.chosen.qoa)
    return spent, float(np.mean(qoa)) if qoa else math.nan, refused


def least_and_most(n: int, metric=COST) -> tuple[float, float]:
    plans = [
        sorted(getattr(plan, metric.name) for plan in planned.frontier)
        for planned in PLANNING.plan_all(questions(n), frontiers=True)
    ]
    return sum(one[0] for one in plans), sum(one[-1] for one in plans)


@pytest.mark.parametrize("metric", [COST, ENERGY])
@pytest.mark.parametrize("off", [0.6, 1.0, 1.5])
def test_a_total_is_spent_and_never_more(metric, off):
    low, high = (one * off for one in least_and_most(200, metric))
    before = 0.0
    for share in np.linspace(0.05, 0.9, 7):
        total = low + share * (high - low)
        spent, qoa, refused = spend_it(total, 200, off, metric)
        assert 0.9 * total <= spent <= total
        assert refused <= 1
        assert qoa > before
        before = qoa


def test_what_is_kept_back_is_for_the_last_questions_alone():
    """A dear question in the middle has others after it, whose money it may draw on; at the end it has none."""
    cheap, dear = Question("cheap", "Why?"), Question("dear", "word " * 2000)

    def kept_back(asked: list[Question]) -> float:
        def most(_, planned) -> float:
            return 3.0 * planned.choice.chosen.cost_usd

        allotment = Allotment(PLANNING, asked, COST, lambda: 1.0, most)
        cheapest = [min(plan.cost_usd for plan in item.frontier) for item in PLANNING.plan_all(asked, True)]
        return allotment.total_for(0.0, len(asked)) - sum(cheapest)

    others = [replace(cheap, question_id=f"q{i}") for i in range(40)]
    assert kept_back([*others[:20], dear, *others[20:]]) < 0.1 * kept_back([*others, dear])


def test_what_is_enough_for_the_best_buys_the_best():
    spent, qoa, refused = spend_it(1.0, 60, 1.0)
    assert (qoa, refused) == (pytest.approx(0.8), 0)
    assert spent < 1


def test_a_total_for_nothing_refuses_what_it_is_not_enough_for():
    low, _ = least_and_most(60)
    spent, _, refused = spend_it(low / 2, 60, 1.0)
    assert spent <= low / 2
    assert refused > 10


def test_more_money_buys_more_and_the_total_for_a_quality_is_the_least():
    asked = questions(100)
    allotment = Allotment(PLANNING, asked, COST, lambda: 1.0, lambda *_: 0.0)
    low, high = least_and_most(100)
    bought = [allotment.buys(total, 100) for total in np.linspace(low, high, 6)]
    assert bought == sorted(bought)
    assert bought[0] == pytest.approx(0.4, abs=0.01)
    needed = allotment.total_for(0.7, 100)
    assert allotment.buys(needed, 100) >= 0.7 - 1e-9 > allotment.buys(needed * 0.98, 100)
    assert allotment.total_for(0.99, 100) == math.inf
    assert allotment.total_for(0.1, 100) == pytest.approx(low)


def test_limits_of_single_questions_stay_hard():
    asked = [replace(one, budget=Budget(max_cost_usd=2e-5)) for one in questions(40)]
    found = Allotment(PLANNING, asked, COST, lambda: 1.0, lambda *_: 0.0).plan(PLANNING, asked)
    assert all(item.choice.chosen is None or item.choice.chosen.cost_usd <= 2e-5 for item in found)


def test_plans_that_nobody_priced_are_left_out_of_a_total():
    known = build(figures("a", usd_per_prompt_token=math.nan), figures("b", qoa=0.3))
    planning = replace(PLANNING, known=known, pool=("a", "b"))
    asked = questions(5)
    found = Allotment(planning, asked, COST, lambda: 1.0, lambda *_: 0.0).plan(planning, asked)
    assert {item.choice.chosen.plan.models for item in found} == {("b",)}
