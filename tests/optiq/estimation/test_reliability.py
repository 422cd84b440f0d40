"""What came of promises, against isotonic regression by its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.estimation.reliability import AS_EXPECTED, AS_THEY_ARE, FEWEST, SURE, Reliability


def plain_levels(came: list[float]) -> list[float]:
    """The greatest over all beginnings of the least over all ends of the mean between them."""
    n = len(came)
    return [
        max(min(float(np.mean(came[a : b + 1])) for b in range(i, n)) for a in range(i + 1)) for i in range(n)
    ]


@settings(deadline=None, max_examples=60)
@given(
    answers=st.lists(
        st.tuples(st.integers(0, 1000), st.sampled_from([0.0, 0.25, 1.0])),
        min_size=1,
        max_size=14,
        unique_by=lambda one: one[0],
    )
)
def test_steps_are_those_of_isotonic_regression(answers: list[tuple[int, float]]) -> None:
    expected, came = np.array([one / 1000 for one, _ in answers]), np.array([value for _, value in answers])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optiq.estimation.reliability.FEWEST", 1)
        found = Reliability.of(expected[:, None], came[:, None])
    order = np.argsort(expected)
    levels = plain_levels(came[order].tolist())
    if len({round(level, 9) for level in levels}) < 2:
        assert not len(found.expected)
        return
    for step, level in zip(found.expected, found.observed, strict=True):
        inside = [place for place, one in enumerate(levels) if one == pytest.approx(level)]
        assert step == pytest.approx(expected[order][inside].mean())


def test_promises_too_near_the_middle_are_put_right_and_models_differ_as_they_did() -> None:
    """Promised are half of the way from 0.5 and half of the differences; some answers nobody judged."""
    draw = np.random.default_rng(0)
    middle, apart = draw.random(20_000), draw.normal(0, 0.4, (20_000, 3))
    apart -= apart.mean(axis=1, keepdims=True)
    true = middle[:, None] + apart * (middle * (1 - middle))[:, None]
    came = (draw.random(true.shape) < true).astype(float)
    came[draw.random(true.shape) < 0.1] = np.nan
    promised = 0.5 + 0.5 * (middle - 0.5)[:, None] + apart / 2
    found = Reliability.of(promised, came)
    right = found.put_right(promised, [0, 1, 2])
    assert np.abs(right - np.clip(true, 0, 1)).mean() < 0.03
    assert (np.argsort(right, axis=1) == np.argsort(promised, axis=1)).mean() > 0.99
    assert found.differences == pytest.approx(2.0, rel=0.1)
    few = Reliability.of(np.full((5, 2), 0.5), np.array([[0.0, 1.0]] * 5))
    assert few.differences == AS_THEY_ARE, "where models were not told apart they differ as they did"


def test_a_question_moves_by_the_mean_of_the_counted_and_nobody_knows_nothing() -> None:
    found = Reliability(np.array([0.2, 0.6]), np.array([0.1, 0.7]), 4.0)
    promised = np.array([[0.3, 0.5, 0.9], [np.nan, 0.4, np.nan], [np.nan, np.nan, 0.5]])
    right = found.put_right(promised, [0, 1])
    middle = 0.1 + 0.6 * 0.5
    assert right[0] == pytest.approx([middle + 4 * off * middle * (1 - middle) for off in (-0.1, 0.1, 0.5)])
    assert right[1, 1] == pytest.approx(0.4)
    assert np.isnan(right[1, [0, 2]]).all()
    assert right[2, 2] == 0.5, "of a question of which nothing counts nothing is known"
    beyond = found.put_right(np.array([[0.1], [0.9]]), [0])
    assert beyond[:, 0] == pytest.approx([SURE, 1 - SURE])


def test_no_step_has_few_questions_and_one_step_says_nothing() -> None:
    draw = np.random.default_rng(1)
    expected = np.round(draw.random((FEWEST * 4 + 50, 1)), 2)
    found = Reliability.of(expected, expected)
    assert 2 <= len(found.expected) <= 4
    assert math.isnan(found.differences), "one model does not differ from itself"
    few = Reliability.of(expected[: 2 * FEWEST - 1], expected[: 2 * FEWEST - 1])
    assert not len(few.expected)
    assert AS_EXPECTED.put_right(expected, [0]).tolist() == expected.tolist()
    assert not len(Reliability.of(expected[:0], expected[:0]).expected)
