"""The similarity of plans: its definition, its threshold, and what may never stand in for what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.estimation.similarity import (
    THRESHOLD,
    edge_overlap,
    edit_distance,
    largest_distance,
    score,
    similarity,
)
from optiq.plans.plan import Plan


@given(plans(max_k=7), plans(max_k=7))
def test_it_is_what_it_is_defined_to_be(one: Plan, other: Plan) -> None:
    found = similarity(one, other)
    assert found == similarity(other, one)
    if one.k != other.k or one.models[-1] != other.models[-1]:
        assert found == 0
        return
    overlap = edge_overlap(one.k, one.connectivity_map, other.connectivity_map)
    defined = 0.4 * overlap + 0.6 * (1 - edit_distance(one.models, other.models) / one.k)
    assert found == (pytest.approx(defined) if defined >= THRESHOLD - 1e-9 else 0)
    assert (found == 1) == (one == other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a", "b", 0.0),
        ("a → b", "c → b", 0.0),
        ("a → b → c", "a → a → c", 0.8),
        ("a → b → c → d", "b → c → a → d", 0.0),
        ("a → b → c → d → e", "b → c → d → a → e", 0.76),  # one taken out and put in elsewhere
        ("blend(a, b; z)", "a → b → z", 0.0),
        ("blend(a, b; z)", "blend(a, c; z)", 0.8),
    ],
)
def test_examples(one: str, other: str, expected: float) -> None:
    assert similarity(Plan.parse(one), Plan.parse(other)) == pytest.approx(expected)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edit_distance_is_a_metric(one: str, other: str, third: str) -> None:
    a, b, c = tuple(one), tuple(other), tuple(third)
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert edit_distance((*a, "x"), (*b, "x")) == edit_distance(a, b)


def test_no_supported_size_leaves_more_than_two_edits() -> None:
    """What :mod:`optiq.estimation.matches` relies on."""
    assert [largest_distance(1.0, k) for k in range(1, 8)] == [0, 0, 1, 1, 2, 2, 2]
    assert score(1.0, 1, 2) < THRESHOLD
