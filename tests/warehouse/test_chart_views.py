"""The views behind the charts: one row per point, and figures that follow from the traces."""

import pytest

from optiq.plans.plan import Plan
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.report import ReportSource

CHAIN = Plan.parse('{"models": ["gemma3:270m", "smollm2:135m"], "edges": [[0, 1]]}')
SINGLE = Plan.parse('{"models": ["smollm2:135m"], "edges": []}')
VIEWS = (
    "chart_adherence",
    "chart_coverage",
    "chart_frontier",
    "chart_misses",
    "chart_predicted_observed",
    "chart_run_plans",
    "chart_spend",
    "chart_spend_by_day",
    "chart_topics",
)


@pytest.fixture(scope="module")
def perfdb(fresh_home, copy_of, traces):
    """Four executions of a single model, two of a chain; one is missed badly, one failed."""
    rows = [
        traces.execution(SINGLE, number, 0.5, max_cost_usd=0.001, max_latency_s=0.5) for number in range(3)
    ]
    rows.append(traces.execution(SINGLE, 3, None, status="failed", answer=None))
    rows += [traces.execution(CHAIN, 4, 0.0, predicted_qoa=0.9), traces.execution(CHAIN, 5, 1.0)]
    home = copy_of(fresh_home)
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    return home.perfdb


def test_every_view_is_there_and_says_what_it_is(perfdb):
    found = query(
        perfdb, "select view_name, comment from duckdb_views() where view_name like 'chart_%' order by all"
    )
    assert found["view_name"].to_list() == sorted(VIEWS)
    assert found["comment"].null_count() == 0


def test_points_of_predicted_against_observed(perfdb):
    statement = (
        "select metric, count(*), avg(predicted), avg(observed) from chart_predicted_observed group by 1"
    )
    found = {row[0]: row[1:] for row in query(perfdb, statement).rows()}
    assert found["cost_usd"] == pytest.approx((5, 0.002, (3 * 0.001 + 2 * 0.002) / 5))
    assert found["latency_s"] == pytest.approx((5, 2.0, (3 * 1.0 + 2 * 2.0) / 5))
    assert found["qoa"] == pytest.approx((5, (4 * 0.5 + 0.9) / 5, (1.5 + 1.0) / 5))
    assert "energy_j" not in found  # nothing was predicted


def test_limits_kept(perfdb):
    found = query(
        perfdb, "select limit_name, n_limited, n_known, n_kept, worst from chart_adherence order by 1"
    )
    assert found.rows() == [("max_cost_usd", 3, 3, 3, 0.001), ("max_latency_s", 3, 3, 0, 1.0)]


def test_spend_is_that_of_the_calls(perfdb):
    found = query(perfdb, "select model, topic, n_calls, cost_usd, energy_j from chart_spend order by model")
    assert [row[:3] for row in found.rows()] == [
        ("gemma3:270m", "geography", 2),
        ("smollm2:135m", "geography", 6),
    ]
    assert found["cost_usd"].to_list() == pytest.approx([0.002, 0.006])
    days = query(perfdb, "select sum(n_calls), sum(cost_usd) from chart_spend_by_day")
    assert days.row(0) == pytest.approx((8, 0.008))


def test_misses_and_plans(perfdb):
    worst = query(perfdb, "select question_id, miss from chart_misses order by miss desc limit 1")
    assert worst.row(0) == ("q4", pytest.approx(0.9))
    plans = query(
        perfdb,
        "select plan, metric, n_questions, n_failed, observed from chart_run_plans where metric = 'cost_usd'",
    )
    assert plans.rows() == [
        ("smollm2:135m", "cost_usd", 4, 1, pytest.approx(0.001)),
        ("gemma3:270m → smollm2:135m", "cost_usd", 2, 0, pytest.approx(0.002)),
    ]


def test_the_frontier_is_what_nothing_beats(perfdb):
    points = query(
        perfdb,
        "select topic, task, plan_key, qoa, cost_usd, latency_s, energy_j from plan_statistics where qoa is not null",
    ).rows(named=True)

    def beats(a, b):
        prices = ("cost_usd", "latency_s", "energy_j")
        known = [(a[name], b[name]) for name in prices if b[name] is not None]
        if any(x is None or x > y for x, y in known) or a["qoa"] < b["qoa"]:
            return False
        return a["qoa"] > b["qoa"] or any(x < y for x, y in known)

    expected = {
        (b["topic"], b["task"], b["plan_key"]): not any(
            beats(a, b) for a in points if (a["topic"], a["task"]) == (b["topic"], b["task"])
        )
        for b in points
    }
    shown = query(perfdb, "select distinct topic, task, plan_key, on_frontier from chart_frontier").rows()
    assert shown
    for *key, on_frontier in shown:
        assert on_frontier == expected[tuple(key)]


def test_what_is_not_known_is_shown_as_zero(perfdb):
    found = query(perfdb, "select topic, task, model, n_judged from chart_coverage order by model").rows()
    assert found == [("geography", "open", "gemma3:270m", 2), ("geography", "open", "smollm2:135m", 3)]


def test_an_uncertain_quality_lies_between_0_and_1_with_the_form_that_it_is_of(perfdb):
    found = ReportSource(perfdb).frame("uncertain", rows=12)
    assert found.height == found.unique(["topic", "task", "plan"]).height > 0
    for row in found.iter_rows(named=True):
        assert 0 <= row["qoa_low"] <= row["qoa"] <= row["qoa_high"] <= 1
        assert row["qoa_high"] - row["qoa_low"] > 0.1, "a few answers say little"
