"""A refresh calibrates how sure one can be of answers; SQL and the answers file say the same."""

import pytest

from optiq.plans.plan import Plan
from warehouse.confidence import load_confidence
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

SINGLE, CHAIN = Plan.of(["mistral:7b"]), Plan.of(["mistral:7b", "phi4:14b"], [(0, 1)])


def rows(traces, plan, n, first=0, **of_number):
    """Answers that are likelier and more often right the higher their number is."""
    return [
        traces.execution(
            plan,
            first + i,
            float(i * 7 % n < i),
            call={"logprob_mean": -2.0 + i / n, "logprob_least": -5.0},
            agreement=float(i % 2) if plan.k > 1 else None,
        )
        for i in range(n)
    ]


def test_fifty_judged_answers_say_how_sure_one_can_be(home, traces):
    land_traces(home, traces(*rows(traces, SINGLE, 49)))
    refresh(home, full_gate=False)
    assert query(home.perfdb, "select * from confidence_blocks").is_empty()
    assert query(home.perfdb, "select * from answer_confidence").is_empty()
    land_traces(home, traces(*rows(traces, SINGLE, 49, 100), *rows(traces, CHAIN, 60, 200)))
    refresh(home, full_gate=False)
    blocks = query(home.perfdb, "select * from confidence_blocks order by all")
    assert set(blocks["signal"]) == {"agreement", "logprob_mean"}
    assert blocks.filter(signal="logprob_mean")["told_apart"].min() > 0.6
    known = load_confidence(home.perfdb)
    said = query(
        home.perfdb,
        "select plan_key, agreement, logprob_mean, logprob_least, confidence, confidence_low, confidence_high "
        "from answer_confidence join executions using (execution_id) "
        "join calls on calls.execution_id = executions.execution_id and calls.node = len(plan_key.split('>')) - 1",
    )
    assert said.height == 98 + 60
    for row in said.iter_rows(named=True):
        seen = {name: row[name] for name in ("agreement", "logprob_mean", "logprob_least")}
        found = known.of(Plan.from_key(row["plan_key"]), "open", seen)
        assert found == pytest.approx((row["confidence"], row["confidence_low"], row["confidence_high"]))


def test_answers_without_log_probabilities_have_no_confidence(home, traces):
    land_traces(home, traces(*(traces.execution(SINGLE, i, float(i % 2)) for i in range(60))))
    refresh(home, full_gate=False)
    assert query(home.perfdb, "select * from answer_confidence").is_empty()
