"""The value of trying a plan, against integrals that a reader can check."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.calibration.value import value_of_trying
from optiq.statistics.normal import gain_of_overtaking

NODES = np.linspace(-8.0, 8.0, 4001)
DENSITY = np.exp(-(NODES**2) / 2) / math.sqrt(2 * math.pi) * (NODES[1] - NODES[0])

number = st.floats(-1.0, 1.0)


def expected_gain(gap: float, deviation: float) -> float:
    """E[max(0, s·Z − Δ)], summed over a grid of Z."""
    return float((np.maximum(deviation * NODES - gap, 0.0) * DENSITY).sum())


@given(st.floats(0, 5), st.floats(1e-3, 3))
def test_gain_is_the_expected_part_above_the_gap(gap: float, deviation: float) -> None:
    found = gain_of_overtaking(np.array([gap]), np.array([deviation]))[0]
    assert abs(found - expected_gain(gap, deviation)) < 1e-5 * max(deviation, 1.0)


@given(st.floats(0, 5), st.floats(0, 3), st.floats(0, 3))
def test_more_doubt_is_worth_more_and_a_wider_gap_less(gap: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    gains = gain_of_overtaking(np.array([gap, gap]), np.array([low, high]))
    assert gains[0] <= gains[1] + 1e-9
    nearer, farther = gain_of_overtaking(np.array([low, high]), np.array([1.0, 1.0]))
    assert nearer >= farther >= 0


@st.composite
def problems(draw):
    """Utilities of arms on up to three topics, and how they move if one of up to four is tried."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    n, tried = sum(sizes), draw(st.integers(1, 4))
    utility = np.array(draw(st.lists(number, min_size=n, max_size=n)))
    moves = tuple(
        np.array(draw(st.lists(number, min_size=n * tried, max_size=n * tried))).reshape(n, tried)
        for _ in range(draw(st.integers(1, 3)))
    )
    plausible = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    ends = np.cumsum(sizes)
    groups = [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return utility, moves, groups, plausible


def plain_value(utility, moves, groups, plausible, tried: int) -> float:
    """Rival by rival, topic by topic."""
    total = 0.0
    for group in groups:
        rivals = [arm for arm in group if plausible[arm]]
        if not rivals:
            continue
        favourite = max(rivals, key=lambda arm: (utility[arm], -arm))
        for rival in rivals:
            if rival != favourite:
                variance = sum((move[rival, tried] - move[favourite, tried]) ** 2 for move in moves)
                total += expected_gain(utility[favourite] - utility[rival], math.sqrt(variance))
    return total


@settings(deadline=None)
@given(problems())
def test_value_is_the_sum_over_rivals_and_topics(problem) -> None:
    utility, moves, groups, plausible = problem
    found = value_of_trying(utility, moves, groups, plausible)
    for tried in range(moves[0].shape[1]):
        assert abs(found[tried] - plain_value(utility, moves, groups, plausible, tried)) < 1e-4


@settings(deadline=None)
@given(problems())
def test_value_is_at_least_what_knowing_the_best_plan_would_gain(problem) -> None:
    """The exact knowledge gradient, one figure at a time, is never above the sum over rivals."""
    utility, moves, groups, plausible = problem
    found = value_of_trying(utility, moves[:1], groups, plausible)
    for tried in range(moves[0].shape[1]):
        exact = 0.0
        for group in groups:
            group = group[plausible[group]]
            if len(group):
                paths = utility[group][:, None] + moves[0][group, tried][:, None] * NODES
                exact += float(((paths.max(axis=0) - paths[int(utility[group].argmax())]) * DENSITY).sum())
        assert found[tried] >= exact - 1e-4
