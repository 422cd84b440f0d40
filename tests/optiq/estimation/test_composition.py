"""Plans from their parts: shares and gains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.estimation.composition import Rule, learn_rule, node_values
from optiq.plans.plan import Plan

CHEAP, DEAR = "cheap:1b", "dear:9b"
CHAIN = Plan.of([CHEAP, DEAR, CHEAP], [(0, 1), (1, 2)])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(-0.2, 0.2))
def test_a_node_lies_between_its_model_and_what_it_hears(
    cheap: float, dear: float, share: float, gain: float
) -> None:
    values = node_values(CHAIN, {CHEAP: cheap, DEAR: dear}, Rule((share, gain), (share, gain)))
    assert values[0] == cheap
    low, high = min(cheap, dear), max(cheap, dear)
    assert all(max(low - 2 * abs(gain), 0) - 1e-9 <= v <= min(high + 2 * abs(gain), 1) + 1e-9 for v in values)


def test_the_share_and_gain_that_made_the_data_are_found() -> None:
    alone = dict(zip("abcdef", np.linspace(0.1, 0.9, 6).tolist(), strict=True))
    plans = [Plan.of([x, y], [(0, 1)]) for x in alone for y in alone]
    means = np.array([0.3 * alone[p.models[1]] + 0.7 * alone[p.models[0]] + 0.05 for p in plans])
    rule = learn_rule(plans, means, np.full(len(plans), 1000.0), alone)
    assert rule.chain == pytest.approx((0.7, 0.05), abs=0.01)
    assert rule.blend == (0.5, 0.0)  # nothing was blended
