"""A total for a batch: kept, well spent, and in an evaluation worth what it is said to be."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import CHEAP, DEAR, sums_and_poems

from optiq.evaluation import replay, summarise
from optiq.evaluation.policies import make_policies
from optiq.evaluation.policies.spending import spend
from optiq.evaluation.replay import Setting

PLANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=4)


@given(st.lists(PLANS, min_size=1, max_size=4), st.integers(1, 80))
def test_the_total_is_kept_and_at_most_one_plan_short_of_the_best_choice(
    offers: list[list[tuple[int, int]]], total: int
) -> None:
    gains = [np.array([gain for gain, _ in offer], dtype=float) for offer in offers]
    costs = [np.array([cost for _, cost in offer], dtype=float) for offer in offers]
    taken = spend(gains, costs, total)
    spent = sum(c[p] for c, p in zip(costs, taken, strict=True))
    cheapest = sum(c.min() for c in costs)
    assert spent <= max(total, cheapest)
    if cheapest > total:
        assert spent == cheapest
        return
    choices = product(*(range(len(g)) for g in gains))
    best = max(
        sum(g[p] for g, p in zip(gains, choice, strict=True))
        for choice in choices
        if sum(c[p] for c, p in zip(costs, choice, strict=True)) <= total
    )
    gained = sum(g[p] for g, p in zip(gains, taken, strict=True))
    assert best - max(np.ptp(g) for g in gains) - 1e-9 <= gained <= best


def test_without_need_to_save_the_best_plans_are_taken_and_of_equal_ones_the_cheapest() -> None:
    gains, costs = [np.array([1.0, 3.0, 3.0]), np.array([2.0])], [np.array([1.0, 5.0, 4.0]), np.array([9.0])]
    assert spend(gains, costs, 100.0) == [2, 0]
    assert spend([], [], 1.0) == []


def test_a_mean_cost_sends_the_dear_model_to_the_questions_that_need_it() -> None:
    outcomes = sums_and_poems(80)
    names = [f"single:{CHEAP}", f"single:{DEAR}", "opti-q:mean_cost=2.6", "opti-q:as_single=on"]
    frame = replay(outcomes, make_policies(names), Setting(), folds=5)
    found = {line.policy: line for line in summarise(frame, reference=f"single:{DEAR}")}
    # half of the questions at 1, half at 4
    assert found["opti-q:mean_cost=2.6"].qoa.mean == pytest.approx(0.9, abs=0.02)
    assert found["opti-q:mean_cost=2.6"].cost_usd <= 2.6 * 1.03
    assert found["opti-q:as_single=on"].cost_usd <= found[f"single:{DEAR}"].cost_usd * 1.03
