"""Noise floors: what the truth itself would be off by is known where the truth is."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import sums_and_poems

from benchmarks.evaluation.accuracy import rank_ceiling
from benchmarks.evaluation.floor import noise_floors


def test_fair_coins_in_groups_of_four_are_off_by_three_sixteenths() -> None:
    outcomes = sums_and_poems(8)  # two topics of four questions, three plans
    flips = np.random.default_rng(0).permuted(np.tile([0.0, 1.0, 0.0, 1.0], (6, 1)), axis=1)
    for topic in (0, 1):
        for plan in range(3):
            outcomes.values[topic::2, plan, 3] = flips[3 * topic + plan]
    whole, half = noise_floors(outcomes, np.arange(8), 0, 1)
    by_residuals, by_chances = whole
    assert by_chances == pytest.approx(3 / 16, abs=0.01)  # E|Bin(4, 1/2)/4 − 1/2|
    assert by_residuals == pytest.approx(
        np.sqrt(4 / 3) * 3 / 16, abs=0.01
    )  # the scale of four with their mean
    assert half[1] == pytest.approx(1 / 4, abs=0.02)  # E|Bin(2, 1/2)/2 − 1/2|


def test_where_nothing_is_left_to_chance_the_floor_is_zero_and_the_ceiling_one() -> None:
    outcomes = sums_and_poems(16)
    outcomes.values[:, :, 3] = np.where(np.arange(16) % 2 == 1, 0.1, 0.4)[:, None] + [0.1, 0.3, 0.2]
    whole, half = noise_floors(outcomes, np.arange(16), 0, 2)
    assert len(whole) == 1  # not right or wrong
    assert whole + half == pytest.approx([0.0, 0.0], abs=1e-12)
    assert rank_ceiling(outcomes, np.arange(16), 0, 2) == pytest.approx(1.0)
