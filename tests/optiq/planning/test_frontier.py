"""The filter of non-dominated points, against the definition and against moocore."""

import moocore
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.planning.frontier import losses, nondominated, rounded


def by_definition(points: np.ndarray) -> list[int]:
    columns = points.T.tolist()
    found = []
    for j, point in enumerate(columns):
        beaten = any(
            all(a <= b for a, b in zip(other, point, strict=True)) and other != point for other in columns
        )
        if not beaten and point not in columns[:j]:
            found.append(j)
    return found


@given(
    st.integers(1, 4).flatmap(
        lambda d: st.lists(
            st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, np.inf]), min_size=d, max_size=d),
            min_size=1,
            max_size=40,
        )
    )
)
def test_few_points_against_the_definition(points: list[list[float]]) -> None:
    array = np.array(points).T
    assert nondominated(array).tolist() == by_definition(array)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([600, 5000, 40_000]), st.sampled_from([5, 30, 10**9]))
def test_many_points_against_moocore(seed: int, n: int, levels: int) -> None:
    points = np.random.default_rng(seed).integers(0, levels, (4, n)).astype(float)
    assert nondominated(points).tolist() == np.flatnonzero(moocore.is_nondominated(points.T)).tolist()


def test_unknown_is_worse_than_anything_known() -> None:
    values = np.array([[1.0, np.nan], [1.0, 0.5], [1.0, 0.5], [0.5, 0.5]])
    assert nondominated(losses(values)).tolist() == [0, 1]
    values[1:, 0] = values[1:, 1]
    assert nondominated(losses(values)).tolist() == [0]


def test_a_metric_nobody_knows_does_not_count() -> None:
    values = np.array([[1.0, 2.0], [np.nan, np.nan], [1.0, 2.0], [0.9, 0.8]])
    assert nondominated(losses(values)).tolist() == [0]


def test_noise_in_the_last_digits_is_no_difference() -> None:
    assert rounded(np.array([0.1 + 0.2]))[0] == rounded(np.array([0.3]))[0]
    assert rounded(np.array([np.inf]))[0] == np.inf
    values = np.array([[0.1 + 0.2, 0.3], [1.0, 1.0], [1.0, 1.0], [0.5, 0.5]])
    assert nondominated(losses(values)).tolist() == [0]


def test_nothing_and_all_the_same() -> None:
    assert nondominated(np.zeros((4, 0))).tolist() == []
    assert nondominated(np.zeros((4, 5000))).tolist() == [0]
