"""Scores that come after the run: PerfDB then holds what it would if they had come with it, and each counts once."""

import shutil

import polars as pl
import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.scores import SCORE_COLUMNS, executions_of, land_scores

CHAIN = Plan.parse('{"models": ["gemma3:270m", "smollm2:135m"], "edges": [[0, 1]]}')
SINGLE = Plan.parse('{"models": ["smollm2:135m"], "edges": []}')
STATISTICS = "select * exclude (provenance) from plan_statistics order by all"
FIGURES = "select model, topic, task, metric, value, n_observations from model_figures order by all"
PAST = "select question, task, model, n, round(total, 9) from past_questions join past_qualities "
PAST += "using (question_key, task) order by all"
DAYS = "select topic, plan_key, task, day, sum(n_executions), sum(n_subplans), sum(qoa.n) as n, "
DAYS += "round(sum(qoa.total), 9), round(sum(qoa.squares), 9) from plan_days group by all having n > 0 order by all"


def frame(*rows):
    return pl.DataFrame(
        [{name: row.get(name) for name in SCORE_COLUMNS} for row in rows], schema=SCORE_COLUMNS
    )


def late(number, qoa, nodes=(), **more):
    return {
        "execution_id": f"e{number:06d}",
        "reference": "Oslo",
        "qoa": qoa,
        "nodes": [{"node": node, "qoa": value} for node, value in enumerate(nodes)],
        **more,
    }


def unjudged(traces, plan, number, **changes):
    return traces.execution(plan, number, None, call={"subplan_qoa": None}, reference=None, **changes)


def _rounded(value):
    return float(f"{value:.9g}") if isinstance(value, float) else value


def same(left, right):
    for statement in (STATISTICS, FIGURES, DAYS, PAST):
        one, other = query(left.perfdb, statement), query(right.perfdb, statement)
        assert one.columns == other.columns
        for a, b in zip(one.rows(), other.rows(), strict=True):
            assert [_rounded(value) for value in a] == [_rounded(value) for value in b], statement


@pytest.mark.parametrize("together", [True, False], ids=["in one refresh", "after it, twice"])
def test_scores_after_the_run_are_as_good_as_with_it(fresh_home, tmp_path, traces, together):
    scores = [(1.0, 0.0), (0.25, 0.5), (0.0, 1.0)]
    early, later = Home(tmp_path / "early"), Home(tmp_path / "later")
    for home in (early, later):
        shutil.copytree(fresh_home.path, home.path)
    known, unknown = [], []
    for number, (part, whole) in enumerate(scores):
        row = traces.execution(CHAIN, number, whole)
        row["calls"][0]["subplan_qoa"], row["calls"][1]["subplan_qoa"] = part, whole
        known.append(row)
        unknown.append(unjudged(traces, CHAIN, number))
    land_traces(early, traces(*known))
    refresh(early, full_gate=False)
    land_traces(later, traces(*unknown))
    if not together:
        refresh(later, full_gate=False)
        # A first judgement, which the second one replaces.
        land_scores(later, frame(late(0, 0.5, [0.25, 0.5])), "first")
        refresh(later, full_gate=False)
    rows = [late(number, whole, [part, whole]) for number, (part, whole) in enumerate(scores)]
    land_scores(later, frame(*rows), "second")
    refresh(later, full_gate=False)
    same(early, later)
    land_scores(later, frame(*rows), "second")
    assert not refresh(later, full_gate=False).published
    same(early, later)


def test_executions_and_calls_are_updated(home, traces):
    land_traces(home, traces(unjudged(traces, CHAIN, 1), traces.execution(SINGLE, 2, 1.0)))
    refresh(home, full_gate=False)
    land_scores(home, frame(late(1, 0.5, [1.0, 0.5], score_cosine=0.5, score_contained=0.0)), "a")
    report = refresh(home, full_gate=True)
    assert report.n_statistics_changed > 0
    found = query(
        home.perfdb,
        "select qoa, reference, score_cosine, score_contained from executions order by execution_id",
    )
    assert found.rows()[0] == (0.5, "Oslo", 0.5, 0.0)
    assert found.rows()[1][0] == 1.0
    parts = query(home.perfdb, "select subplan_qoa from calls where execution_id = 'e000001' order by node")
    assert parts.to_series().to_list() == [1.0, 0.5]
    assert query(home.perfdb, "select kind, n_rows from ingested_files where kind = 'scores'").rows() == [
        ("scores", 1)
    ]


def test_a_failed_execution_has_no_quality_but_its_parts_do(home, traces):
    row = unjudged(traces, CHAIN, 1, status="failed", answer=None)
    row["calls"][1] |= {"error": "timeout", "output": None}
    land_traces(home, traces(row))
    land_scores(home, frame(late(1, None, [1.0])), "a")
    refresh(home, full_gate=False)
    assert query(home.perfdb, "select qoa from executions").item() is None
    judged = query(
        home.perfdb, "select plan_key, n_qoa from plan_statistics where n_qoa > 0 and topic <> '*'"
    )
    assert judged.rows() == [("1:0:gemma3:270m", 1)]


def test_scores_that_fit_nothing_are_set_aside_with_a_reason(home, traces):
    land_traces(home, traces(traces.execution(SINGLE, 1, 1.0)))
    land_scores(home, frame(late(1, 1.5), late(7, 0.5), late(1, None), late(1, 0.5, [2.0])), "bad")
    refresh(home, full_gate=False)
    reasons = query(home.perfdb, "select reason from quarantine where kind = 'scores' order by row_number")
    assert reasons.to_series().to_list() == [
        "qoa is 1.5, not between 0 and 1",
        "execution_id e000007 is not in PerfDB: bring its trace in first",
        "qoa is missing, not between 0 and 1",
        "a node has no qoa between 0 and 1",
    ]
    assert query(home.perfdb, "select qoa from executions").item() == 1.0


def test_executions_are_found_merged_and_landed(home, traces):
    land_traces(home, traces(traces.execution(CHAIN, 1)))
    refresh(home, full_gate=False)
    land_traces(home, traces(traces.execution(SINGLE, 2), traces.execution(SINGLE, 3)))
    wanted = pl.DataFrame({"run_id": ["run", "run", "other"], "question_id": ["q1", "q2", "q3"]})
    found = executions_of(home, wanted)
    assert found["execution_id"].to_list() == ["e000001", "e000002"]
    assert [call["output"] for call in found["calls"][0]] == [
        "answer of gemma3:270m",
        "answer of smollm2:135m",
    ]
    assert found["calls"][1][0] == {"node": 0, "output": "answer of smollm2:135m"}
