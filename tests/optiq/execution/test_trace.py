"""One trace as it is written, column for column: what other programs read, and PerfDB ingests."""

from datetime import UTC, datetime, timedelta

import pytest

from optiq.execution.ledger import Amount
from optiq.execution.trace import Call, Execution, Predicted, main_topic, traces_frame
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Kind, Question
from optiq.scoring import Scores

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHAIN = Plan.of(["a", "b"], [(0, 1)])
QUESTION = Question(
    "q1",
    "Which?",
    (("travel", 0.4), ("geography", 0.6)),
    ("Rome", "Oslo"),
    Kind.CHOICE,
    "B",
    Budget(max_cost_usd=11.0, max_latency_s=12.0, max_energy_j=13.0, min_qoa=0.14),
)
SECOND = Call(
    1,
    "b",
    BEGUN + timedelta(seconds=1),
    CHAIN,
    prompt_chars=101,
    max_output_tokens=16,
    answered_model="b-2026",
    server="ollama",
    digest="sha",
    prompt_tokens=30,
    output_tokens=2,
    cost_usd=0.5,
    latency_s=1.5,
    load_s=2.5,
    prompt_s=0.25,
    cached_tokens=25,
    output_s=1.25,
    queue_s=0.5,
    energy_j=70.0,
    energy_source="measured",
    finish_reason="stop",
    output="B",
    cached=True,
    constrained=False,
    attempts=3,
    subplan_cost_usd=0.75,
    subplan_latency_s=2.75,
    subplan_energy_j=90.0,
    subplan_qoa=0.9,
)
WHOLE = Execution(
    QUESTION,
    CHAIN,
    "r1",
    BEGUN,
    status="answered",
    answer="B",
    cost_usd=0.75,
    latency_s=2.75,
    wall_s=6.0,
    energy_j=90.0,
    energy_source="predicted",
    scores=Scores(exact=1.0, jaccard=0.5, cosine=0.25, contained=0.125, numeric=0.75, date=0.0, qoa=0.875),
    predicted=Predicted(cost_usd=1.0, latency_s=2.0, energy_j=3.0, qoa=0.4),
    snapshot_id="s1",
    prompt="zero-shot@12345678",
    calls=[Call(0, "a", BEGUN, CHAIN.subplan(0), 100, error="busy"), SECOND],
    execution_id="e1",
)
CALL = {
    "node": 1,
    "model": "b",
    "answered_model": "b-2026",
    "server": "ollama",
    "digest": "sha",
    "prompt_tokens": 30,
    "output_tokens": 2,
    "thinking_tokens": None,
    "cached_tokens": 25,
    "prompt_chars": 101,
    "max_output_tokens": 16,
    "cost_usd": 0.5,
    "latency_s": 1.5,
    "load_s": 2.5,
    "prompt_s": 0.25,
    "output_s": 1.25,
    "queue_s": 0.5,
    "energy_j": 70.0,
    "energy_source": "measured",
    "finish_reason": "stop",
    "output": "B",
    "logprob_mean": None,
    "logprob_least": None,
    "thinking": None,
    "error": None,
    "cached": True,
    "constrained": False,
    "started_at": BEGUN + timedelta(seconds=1),
    "attempts": 3,
    "subplan": '{"models":["a","b"],"edges":[[0,1]]}',
    "subplan_key": "2:1:a>b",
    "subplan_level": 1,
    "subplan_cost_usd": 0.75,
    "subplan_latency_s": 2.75,
    "subplan_energy_j": 90.0,
    "subplan_qoa": 0.9,
}
ROW = {
    "execution_id": "e1",
    "run_id": "r1",
    "question_id": "q1",
    "question": "Which?",
    "topic": "geography",
    "topics": [{"topic": "travel", "weight": 0.4}, {"topic": "geography", "weight": 0.6}],
    "topic_given": True,
    "kind": "choice",
    "plan": '{"models":["a","b"],"edges":[[0,1]]}',
    "plan_key": "2:1:a>b",
    "level": 1,
    "status": "answered",
    "answer": "B",
    "error": None,
    "cost_usd": 0.75,
    "latency_s": 2.75,
    "wall_s": 6.0,
    "energy_j": 90.0,
    "energy_source": "predicted",
    "qoa": 0.875,
    "qoa_source": "scored",
    "score_exact": 1.0,
    "score_jaccard": 0.5,
    "score_cosine": 0.25,
    "score_contained": 0.125,
    "score_numeric": 0.75,
    "score_date": 0.0,
    "scores": None,
    "qoa_metric": None,
    "judge": None,
    "agreement": None,
    "reference": "B",
    "predicted_cost_usd": 1.0,
    "predicted_latency_s": 2.0,
    "predicted_energy_j": 3.0,
    "predicted_qoa": 0.4,
    "max_cost_usd": 11.0,
    "max_latency_s": 12.0,
    "max_energy_j": 13.0,
    "min_qoa": 0.14,
    "snapshot_id": "s1",
    "prompt": "zero-shot@12345678",
    "started_at": BEGUN,
}


def test_a_trace_is_one_row_with_its_calls_in_it():
    bare = Execution(Question("q2", "Who?"), CHAIN, "r1", BEGUN)
    none, whole = traces_frame([bare, WHOLE]).to_dicts()
    first, second = whole.pop("calls")
    assert second == CALL
    assert whole == ROW
    fresh = {"cached": False, "attempts": 1, "error": "busy", "model": "a", "node": 0, "subplan_key": "1:0:a"}
    assert {name: first[name] for name in fresh} == fresh
    assert none["calls"] == []
    assert (none["status"], none["topic"], none["topic_given"], none["topics"]) == ("failed", None, False, [])


def test_calls_stay_with_their_execution_and_in_order():
    executions = [
        Execution(QUESTION, CHAIN, "r", BEGUN, calls=[SECOND] * n, execution_id=str(n)) for n in (2, 0, 1, 3)
    ]
    frame = traces_frame(executions)
    assert frame["execution_id"].to_list() == ["2", "0", "1", "3"]
    assert frame["calls"].list.len().to_list() == [2, 0, 1, 3]


@pytest.mark.parametrize(("inferred", "given"), [(False, True), (True, False)])
def test_a_topic_is_given_if_nobody_inferred_it(inferred, given):
    question = Question("q", "?", (("art", 1.0),), topics_inferred=inferred)
    assert Execution(question, CHAIN, "r", BEGUN).to_row()["topic_given"] is given


@pytest.mark.parametrize(
    ("topics", "main"),
    [
        ((), None),
        ((("b", 0.5), ("a", 0.5)), "a"),
        ((("a", 0.2), ("b", 0.5), ("c", 0.3)), "b"),
    ],
)
def test_the_main_topic_is_the_heaviest_and_the_first_by_name(topics, main):
    assert main_topic(Question("q", "?", topics)) == main


def test_spent_is_what_was_answered_anew():
    def call(cost, energy, **more):
        return Call(0, "a", BEGUN, CHAIN.subplan(0), 0, cost_usd=cost, energy_j=energy, **more)

    calls = [call(1.0, 10.0), call(2.0, None), call(None, 30.0), call(50.0, 50.0, cached=True)]
    calls.append(call(70.0, 70.0, error="lost"))
    assert Execution(QUESTION, CHAIN, "r", BEGUN, calls=calls).spent == Amount(3.0, 40.0)


def test_what_was_not_expected_is_none():
    class Estimate:
        cost_usd, latency_s, qoa = 1, float("nan"), 0.5

    assert Predicted.of(Estimate()) == Predicted(1.0, None, None, 0.5)
    assert Predicted.of(None) == Predicted()
