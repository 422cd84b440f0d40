"""Coverage and difference of ensembles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.chemistry.complementarity import gain_map, hypervolume, index, quadratic_entropy

members = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8)


@settings(deadline=None)
@given(members)
def test_the_hypervolume_is_that_of_the_reference_implementation(points: list[tuple[float, float]]) -> None:
    from moocore import hypervolume as reference

    table = np.array(points)
    assert hypervolume(table) == pytest.approx(reference(table, ref=[0, 0], maximise=True), abs=1e-9)


def test_two_opposite_members_are_half_a_diagonal_apart_on_average() -> None:
    assert quadratic_entropy([[0, 0], [1, 1]]) == pytest.approx(0.5)
    assert quadratic_entropy([[0.3, 0.3]] * 4) == 0


@given(members)
def test_the_index_does_not_depend_on_order(points: list[tuple[float, float]]) -> None:
    assert index(points) == pytest.approx(index(points[::-1]))


def test_a_weak_ensemble_has_more_to_gain_than_a_strong_one() -> None:
    axis, weak = gain_map([[0.3, 0.3], [0.3, 0.3]], steps=10)
    _, strong = gain_map([[0.98, 0.98], [0.98, 0.98]], steps=10)
    assert axis[0] == pytest.approx(0.05)
    assert weak.shape == (10, 10)
    assert weak[9, 9] > 0.3
    assert weak[9, 9] > strong[9, 9]
