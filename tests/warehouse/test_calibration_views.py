"""Views on how right predictions were: over time, by predicted quality, in the order of plans."""

from __future__ import annotations

from typing import Any

import pytest

from optiq.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

PLANS = [
    Plan.of(["smollm2:135m"]),
    Plan.of(["gemma3:270m"]),
    Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)]),
]


@pytest.fixture
def perfdb(home: Home, traces: Any) -> Any:
    """Three plans, predicted at 0.2, 0.5 and 0.9; the last two turn out the other way round."""
    rows = [
        traces.execution(plan, 10 * p + i, qoa=observed, predicted_qoa=predicted)
        for p, (plan, predicted, observed) in enumerate(
            zip(PLANS, (0.2, 0.5, 0.9), (0.1, 0.8, 0.6), strict=True)
        )
        for i in range(2)
    ]
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    return home.perfdb


def test_bias_and_error_over_time(perfdb: Any) -> None:
    rows = query(perfdb, "from calibration_by_week where metric = 'qoa'")
    assert rows["n_executions"].sum() == 6
    weighted = (rows["error"] * rows["n_executions"]).sum() / 6
    assert weighted == pytest.approx((0.1 + 0.3 + 0.3) / 3)
    assert (rows["bias"] * rows["n_executions"]).sum() / 6 == pytest.approx((0.1 - 0.3 + 0.3) / 3)


def test_what_a_predicted_quality_is_worth(perfdb: Any) -> None:
    rows = query(perfdb, "from calibration_of_qoa").to_dicts()
    found = [(row["predicted_from"], row["n_executions"], row["observed_qoa"]) for row in rows]
    assert found == [(0.2, 2, pytest.approx(0.1)), (0.5, 2, pytest.approx(0.8)), (0.9, 2, pytest.approx(0.6))]


def test_the_order_of_plans_within_a_topic(perfdb: Any) -> None:
    row = query(perfdb, "from rank_calibration").row(0, named=True)
    assert (row["n_plans"], row["n_executions"]) == (3, 6)
    assert row["rank_correlation"] == pytest.approx(0.5)
