"""The minimum-variance consensus of graders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.chemistry.consensus import consensus, review_accuracy
from optiq.errors import InputError


def oracle(table: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """The message passing written out edge by edge (full tables with at least 3 reviewers and 2 items)."""
    items, reviewers = table.shape
    variance = {(u, i): 1.0 for u in range(reviewers) for i in range(items)}

    def estimate(i: int, without: int) -> tuple[float, float]:
        weights = {w: 1 / max(variance[w, i], 1e-6) for w in range(reviewers) if w != without}
        total = sum(weights.values())
        return sum(weight * table[i, w] for w, weight in weights.items()) / total, total

    for _ in range(rounds):
        told = {(i, u): estimate(i, u) for i in range(items) for u in range(reviewers)}
        variance = {
            (u, i): sum(told[j, u][1] * (table[j, u] - told[j, u][0]) ** 2 for j in range(items) if j != i)
            / sum(told[j, u][1] for j in range(items) if j != i)
            for u in range(reviewers)
            for i in range(items)
        }
    quality = np.array([estimate(i, without=-1)[0] for i in range(items)])
    spread = np.array(
        [
            sum(estimate(i, u)[1] * (table[i, u] - estimate(i, u)[0]) ** 2 for i in range(items))
            / sum(estimate(i, u)[1] for i in range(items))
            for u in range(reviewers)
        ]
    )
    return quality, spread


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(3, 5), st.integers(1, 6))
def test_messages_as_the_oracle_passes_them(seed: int, items: int, reviewers: int, rounds: int) -> None:
    table = np.random.default_rng(seed).uniform(0, 10, (items, reviewers))
    found = consensus(table, most_rounds=rounds)
    if found.rounds == rounds:
        quality, variance = oracle(table, rounds)
        assert found.quality == pytest.approx(quality, rel=1e-6)
        assert found.variance == pytest.approx(variance, rel=1e-6)


def test_a_careless_reviewer_counts_for_little() -> None:
    draw = np.random.default_rng(7)
    truth = draw.uniform(2, 8, 40)
    careful = truth[:, None] + draw.normal(0, 0.3, (40, 3))
    careless = draw.uniform(0, 10, 40)
    table = np.column_stack([careful, careless]).clip(0, 10)
    found = consensus(table)
    assert found.converged
    assert np.abs(found.quality - truth).mean() < np.abs(table.mean(1) - truth).mean() / 3
    assert found.review_accuracy[3] < 0.4 < 0.8 < found.review_accuracy[:3].min()


def test_own_grades_are_left_out() -> None:
    table = np.array([[10.0, 4, 4], [5, 10, 5], [6, 6, 10]])
    assert consensus(table, authors=[0, 1, 2]).quality == pytest.approx([4, 5, 6])


def test_what_nobody_graded_is_unknown() -> None:
    nan = np.nan
    found = consensus([[8, 7, nan], [6, 6, nan], [nan, nan, nan]])
    assert np.isnan(found.quality[2])
    assert np.isnan(found.variance[2])
    assert np.isnan(found.review_accuracy[2])


def test_a_single_reviewer_agrees_with_nobody() -> None:
    found = consensus([[8.0], [6.0]])
    assert found.quality == pytest.approx([8, 6])
    assert np.isnan(found.review_accuracy).all()


def test_constant_grades_show_nothing() -> None:
    found = consensus(np.full((4, 3), 7.0))
    assert found.quality == pytest.approx([7] * 4)
    assert np.isnan(found.review_accuracy).all()


@pytest.mark.parametrize("grade", [-0.1, 10.5, np.inf])
def test_grades_outside_0_to_10_are_refused(grade: float) -> None:
    with pytest.raises(InputError, match="item 1: reviewer 2"):
        consensus([[5, grade], [5, 5]])


def test_review_accuracy_is_relative_to_the_spread_of_all_grades() -> None:
    grades = np.array([[2.0, 4.0], [6.0, 8.0]])
    assert review_accuracy([grades.var() * 2, 0.0], grades) == pytest.approx([0, 1])
