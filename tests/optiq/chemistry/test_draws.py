"""Chemistry of many draws at once is the chemistry of each draw by itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.chemistry.chem_e import chemistry
from optiq.chemistry.cost import ORDERS, Order
from optiq.chemistry.draws import chemistry_of_draws
from optiq.chemistry.profiles import Profile

# Coarse figures, so that ties, perfect answers and unused models are common.
coarse = st.tuples(st.integers(0, 5), st.integers(0, 4))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 6).flatmap(
        lambda n: st.lists(st.lists(coarse, min_size=n, max_size=n), min_size=1, max_size=4)
    ),
    st.sampled_from(ORDERS),
    st.sampled_from([0.0, 0.5, 0.75]),
)
def test_as_each_draw_by_itself(draws: list[list[tuple[int, int]]], order: Order, used_from: float) -> None:
    quality = np.array([[q * 2.0 for q, _ in draw] for draw in draws])
    accuracy = np.array([[a / 4 for _, a in draw] for draw in draws])
    found = chemistry_of_draws(quality, accuracy, order=order, used_from=used_from)
    for i in range(len(draws)):
        profiles = [Profile(f"m{j}", quality[i, j], accuracy[i, j]) for j in range(quality.shape[1])]
        alone = chemistry(profiles, order=order, used_from=used_from, tolerance=0.0)
        assert found[i] == pytest.approx(alone, abs=1e-9)
