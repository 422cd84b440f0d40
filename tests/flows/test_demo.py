"""What the last screen of the demo says of planning beside a single model."""

from __future__ import annotations

import pytest

from flows.demo import verdict

ROW = {"qoa_gained": 0.2, "half_width": 0.1, "cost_usd_more": 1e-6, "latency_s_more": -0.5}
CASES = [
    ({}, "wins: QoA +0.20 ± 0.10, dearer, faster"),
    ({"qoa_gained": -0.2}, "loses: QoA -0.20 ± 0.10, dearer, faster"),
    ({"qoa_gained": 0.1, "cost_usd_more": 0.0}, "ties: QoA +0.10 ± 0.10, faster"),
    ({"cost_usd_more": None, "latency_s_more": None}, "wins: QoA +0.20 ± 0.10"),
    ({"half_width": None}, "nobody judged it"),
    ({"qoa_gained": None}, "nobody judged it"),
]


@pytest.mark.parametrize(("change", "said"), CASES)
def test_planning_wins_ties_or_loses_by_the_differences_on_the_same_questions(change, said) -> None:
    assert verdict({**ROW, **change}) == said
