"""Views on how right predictions were: over time, by predicted quality, in the order of plans."""

from __future__ import annotations

import math
from typing import Any

import pytest

import sql
from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

PLANS = [
    Plan.of(["smollm2:135m"]),
    Plan.of(["gemma3:270m"]),
    Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)]),
]


@pytest.fixture(scope="module")
def perfdb(fresh_home: Home, copy_of: Any, traces: Any) -> Any:
    """Three plans, predicted at 0.2, 0.5 and 0.9; the last two turn out the other way round."""
    rows = [
        traces.execution(plan, 10 * p + i, qoa=observed, predicted_qoa=predicted)
        for p, (plan, predicted, observed) in enumerate(
            zip(PLANS, (0.2, 0.5, 0.9), (0.1, 0.8, 0.6), strict=True)
        )
        for i in range(2)
    ]
    home = copy_of(fresh_home)
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


SINGLE = PLANS[0]


def run_of(
    traces: Any, name: str, first: int, ratios: list[float], qoas: list[float]
) -> list[dict[str, Any]]:
    """A run, predicted at 2 s and 0.5 QoA, with observed latencies and qualities."""
    return [
        traces.execution(SINGLE, first + i, run_id=name, latency_s=2.0 * ratio, qoa=qoa)
        for i, (ratio, qoa) in enumerate(zip(ratios, qoas, strict=True))
    ]


@pytest.fixture(scope="module")
def two_runs(fresh_home: Home, copy_of: Any, traces: Any) -> Any:
    """Twenty answers that take half or twice as long as predicted in turn, and a week later four more.

    Errors of the first run: logarithms ± ln 2, of mean 0 and standard deviation ln 2 · √(20/19); qualities are 0.1
    too high or too low, of mean 0 and deviation 0.1 · √(20/19).
    """
    first = run_of(traces, "first", 0, [0.5, 2.0] * 10, [0.4, 0.6] * 10)
    # limits of the latency: 2 s · e^(± 1.645 · 0.7112) = 0.621 s to 6.44 s; of the quality 0.5 ± 0.1688
    second = run_of(traces, "second", 200, [0.32, 3.2, 0.30, 3.3], [0.34, 0.66, 0.33, 0.68])
    home = copy_of(fresh_home)
    land_traces(home, traces(*first, *second))
    refresh(home, full_gate=False)
    return home.perfdb


def test_intervals_come_from_earlier_runs_alone(two_runs: Any) -> None:
    rows = query(two_runs, "from calibration_answers order by started_at, metric")
    assert rows.filter(rows["run_id"] == "first")["low"].null_count() == 60  # cost, latency and quality of 20
    second = rows.filter((rows["run_id"] == "second") & (rows["metric"] == "latency_s"))
    assert second["n_earlier"].to_list() == [20] * 4
    spread = 1.645 * math.log(2) * math.sqrt(20 / 19)
    assert second["low"].to_list() == pytest.approx([2 * math.exp(-spread)] * 4)
    assert second["high"].to_list() == pytest.approx([2 * math.exp(spread)] * 4)
    assert second["within"].to_list() == [True, True, False, False]
    quality = rows.filter((rows["run_id"] == "second") & (rows["metric"] == "qoa"))
    assert quality["high"].to_list() == pytest.approx([0.5 + 1.645 * 0.1 * math.sqrt(20 / 19)] * 4)
    assert quality["within"].to_list() == [True, True, False, False]


def test_coverage_and_standard_errors_by_bin(two_runs: Any) -> None:
    bins = {row["metric"]: row for row in query(two_runs, "from calibration_of_intervals").to_dicts()}
    assert bins["qoa"]["bin_from"] == 0.5
    assert (bins["qoa"]["n_executions"], bins["qoa"]["n_intervals"], bins["qoa"]["share_within"]) == (
        24,
        4,
        0.5,
    )
    values = [0.4, 0.6] * 10 + [0.34, 0.66, 0.33, 0.68]
    mean = sum(values) / 24
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / 23)
    assert bins["qoa"]["observed"] == pytest.approx(mean)
    assert bins["qoa"]["observed_high"] == pytest.approx(mean + 1.96 * deviation / math.sqrt(24))
    assert (bins["latency_s"]["n_intervals"], bins["latency_s"]["share_within"]) == (4, 0.5)
    # cost is 1e-3 each time where 2e-3 was predicted: the error is the same each time, and so is the interval
    assert (bins["cost_usd"]["n_intervals"], bins["cost_usd"]["share_within"]) == (4, 1.0)


def test_weeks_say_whether_it_gets_better(two_runs: Any) -> None:
    rows = query(two_runs, "from calibration_by_week where metric = 'latency_s' order by week").to_dicts()
    assert [row["n_executions"] for row in rows] == [20, 4]
    assert [row["n_intervals"] for row in rows] == [0, 4]
    assert rows[0]["bias"] == pytest.approx(2 - (1 + 4) / 2)
    assert rows[1]["share_within"] == 0.5


def test_intervals_of_few_answers_stay_where_qualities_can_be(
    fresh_home: Home, copy_of: Any, traces: Any
) -> None:
    """0 and 1 have a mean of 0.5 ± 0.98, latencies of 1 and 9 s one of 5 ± 7.84 s; one answer has no interval."""
    home = copy_of(fresh_home)
    alone = traces.execution(SINGLE, 9, qoa=0.5, predicted_qoa=0.9)
    two = run_of(traces, "two", 0, [0.5, 4.5], [0.0, 1.0])
    land_traces(home, traces(*two, alone))
    refresh(home, full_gate=False)
    of_qoa = query(home.perfdb, "from calibration_of_qoa").to_dicts()
    assert [(r["observed_low"], r["observed_high"]) for r in of_qoa] == [(0.0, 1.0), (None, None)]
    for statement, run in (
        ("from calibration_of_intervals", None),
        (sql.read("queries/report_calibration"), "two"),
    ):
        bins = query(home.perfdb, statement, {"run": run} if run else None).to_dicts()
        qualities = {r["bin_from"]: r for r in bins if r["metric"] == "qoa"}
        assert (qualities[0.5]["observed_low"], qualities[0.5]["observed_high"]) == (0.0, 1.0)
        assert run or qualities[0.9]["observed_low"] is qualities[0.9]["observed_high"] is None
        latency = next(r for r in bins if r["metric"] == "latency_s")
        assert latency["observed_low"] == 0.0
        assert latency["observed_high"] > 1.0
