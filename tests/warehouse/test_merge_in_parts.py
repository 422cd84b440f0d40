"""A night that is merged in many parts, for want of memory, is the same as one that is merged at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from optiq.plans.plan import Plan
from warehouse import gather, merge
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import RefreshReport, refresh

SINGLE, CHAIN = Plan.of(["phi4:14b"]), Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
SUMS = (
    "plan_key, topic, task, served, day, sum(n_executions) as n, sum(cost_usd.total) as usd, sum(latency_s.n)"
)
CALLS = (
    "model, topic, server, day, sum(n_calls) as n, sum(split.output_s) as s, min(first_seen), max(last_seen)"
)
TABLES = {
    "executions": "select * exclude (ingestion) from executions order by execution_id",
    "calls": "select * exclude (ingestion) from calls order by execution_id, node",
    "plan_days": f"select {SUMS} from plan_days group by all order by all",
    "model_days": f"select {CALLS} from model_days group by all order by all",
    "plan_questions": "select * from plan_questions order by all",
    "plan_statistics": "select * from plan_statistics order by topic, task, plan_key",
    "level_0": "select * from level_0 order by all",
    "past_questions": "select * exclude (last_seen) from past_questions order by question_key, task",
}


def night(home: Home, traces: Any) -> RefreshReport:
    """Ten files of 30 executions over 13 days, among them one that is broken off and one that knows no moment."""
    for number in range(10):
        rows = [
            traces.execution(SINGLE if place % 3 else CHAIN, 30 * number + place, qoa=place % 2 / 1.0)
            for place in range(30)
        ]
        if number == 4:
            rows[7]["started_at"] = None
        land_traces(home, traces(*rows), number)
    harmed = sorted(home.landing.glob("traces-*.parquet"))[5]
    content = bytearray(harmed.read_bytes())
    for place in range(400, 1200):
        content[place] ^= 0xFF
    harmed.write_bytes(content)
    return refresh(home, full_gate=False)


def in_small_parts(monkeypatch: pytest.MonkeyPatch, batches_together: int) -> None:
    """Each file is a batch, and every other day a slice."""
    monkeypatch.setattr(gather, "FEWEST", 100)
    monkeypatch.setattr(merge, "BATCH_BYTES", 1)
    monkeypatch.setattr(merge, "BATCHES_TOGETHER", batches_together)
    monkeypatch.setattr(merge, "SLICE_EXECUTIONS", 40)


def test_in_parts_as_at_once(
    home: Home, copy_of: Callable[[Home], Home], traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy_of(home)
    at_once = night(home, traces)
    in_small_parts(monkeypatch, batches_together=2)
    in_parts = night(other, traces)
    assert at_once.n_executions_new == in_parts.n_executions_new == 270
    assert len(at_once.refused) == len(in_parts.refused) == 1
    for name, statement in TABLES.items():
        first, second = (query(one.perfdb, statement) for one in (home, other))
        assert len(first) > 1, name
        assert_frame_equal(first, second, check_exact=False)


def test_what_was_merged_before_a_broken_file_was_met_is_merged_once(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_parts(monkeypatch, batches_together=1)
    report = night(home, traces)
    assert [name.startswith("traces-") for name in report.refused] == [True]
    told = query(home.perfdb, "select count(*) as n, count(distinct execution_id) as ids from executions")
    assert told.rows() == [(270, 270)]
    assert (report.n_executions_new, report.n_calls_new) == (270, 360)
