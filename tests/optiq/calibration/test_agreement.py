"""How good models are, from how they agree, against answers that were drawn with known accuracies."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.calibration.agreement import agreement

ACCURACY = {"a": 0.9, "b": 0.75, "c": 0.6, "d": 0.45, "e": 0.3}


def drawn(
    n: int, options: int, seed: int = 0, missing: float = 0.0
) -> tuple[list[dict[str, int]], list[int]]:
    """Questions of differing hardness; the right answer of each is known."""
    draw = random.Random(seed)
    rows, truth = [], []
    for _ in range(n):
        right, hardness = draw.randrange(options), draw.gauss(0, 1)
        row = {}
        for model, accuracy in ACCURACY.items():
            if draw.random() < missing:
                continue
            odds = accuracy / (1 - accuracy) * np.exp(-hardness)
            fine = draw.random() < odds / (1 + odds)
            row[model] = right if fine else draw.choice([o for o in range(options) if o != right])
        rows.append(row)
        truth.append(right)
    return rows, truth


@pytest.mark.parametrize(("options", "missing"), [(4, 0.0), (10, 0.0), (10, 0.4)])
def test_accuracies_are_found_without_a_reference(options, missing):
    rows, truth = drawn(400, options, missing=missing)
    found = agreement(rows, [options] * len(rows))
    shares = {
        m: np.mean([row[m] == right for row, right in zip(rows, truth, strict=True) if m in row])
        for m in ACCURACY
    }
    assert list(np.argsort(-found.accuracy)) == [0, 1, 2, 3, 4]
    for place, model in enumerate(found.models):
        assert found.accuracy[place] == pytest.approx(shares[model], abs=0.12)
        assert found.low[place] <= found.accuracy[place] <= found.high[place] + 1e-9
    hits = [said == right for (said, sure), right in zip(found.right, truth, strict=True) if sure > 0.9]
    assert np.mean(hits) > 0.9


def test_what_nobody_can_compare_says_nothing():
    found = agreement([{"a": 1}, {"b": 2}, {}])
    assert np.isnan(found.accuracy).all()
    assert found.answered.tolist() == [0, 0]
    assert found.right[2] == (None, 0.0)
    assert agreement([]).models == ()


def test_two_answers_do_not_make_anybody_sure():
    found = agreement([{"a": "x", "b": "x"}, {"a": "y", "b": "y"}])
    assert (found.accuracy < 0.97).all()


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)), max_size=6), st.integers(0, 4))
def test_any_table_gives_shares(rows, options):
    found = agreement(rows, [options] * len(rows), draws=5)
    known = found.accuracy[~np.isnan(found.accuracy)]
    assert ((known >= 0) & (known <= 1)).all()
    assert all(0 <= sure <= 1 + 1e-9 for _, sure in found.right)
    assert len(found.right) == len(rows)
