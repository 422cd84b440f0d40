"""Student's distribution against SciPy's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from warehouse.student import limit, two_sided


@given(st.floats(0, 1e3), st.floats(0.5, 1e5))
def test_it_is_that_of_scipy(t: float, degrees: float) -> None:
    expected = 2 * stdtr(degrees, -t)
    assert two_sided(t, degrees) == pytest.approx(expected, rel=1e-7, abs=1e-250)


@pytest.mark.parametrize(
    ("t", "degrees", "expected"), [(1.0, 1, 0.5), (12.706204736, 1, 0.05), (2.570581836, 5, 0.05)]
)
def test_it_is_that_of_tables(t: float, degrees: float, expected: float) -> None:
    assert two_sided(t, degrees) == pytest.approx(expected, rel=1e-8)
    assert two_sided(-t, degrees) == two_sided(t, degrees)


def test_the_middle_and_the_ends() -> None:
    assert two_sided(0.0, 8) == 1
    assert two_sided(1e200, 8) == 0
    assert math.isclose(two_sided(3.0, 1e9), math.erfc(3 / math.sqrt(2)), rel_tol=1e-6)


@given(st.floats(1e-6, 0.999), st.floats(0.5, 1e5))
def test_beyond_the_limit_lies_as_much_as_asked_for(probability: float, degrees: float) -> None:
    assert limit(probability, degrees) == pytest.approx(-stdtrit(degrees, probability / 2), rel=1e-6)
