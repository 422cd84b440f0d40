"""What an evaluation reads from PerfDB: one row per question and plan, of one prompt set, in one stretch of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError, PerfDBError
from optiq.evaluation.outcomes import Outcomes
from optiq.plans.plan import Plan
from warehouse.evidence import Part
from warehouse.home import Home
from warehouse.judged import read_judged
from warehouse.landing import land_traces
from warehouse.refresh import refresh

SMALL, LARGE = Plan.of(["smollm2:135m"]), Plan.of(["gemma3:270m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])


def asked(traces: Any, plan: Plan, number: int, question: str, **changes: Any) -> dict[str, Any]:
    """Execution ``number`` of a plan on a question; every file numbers its questions from 1."""
    return traces.execution(
        plan, number, question=question, question_id="1", **{"prompt": "cot@1", **changes}
    )


@pytest.fixture(scope="module")
def filled(fresh_home: Home, copy_of: Any, traces: Any) -> Home:
    """Two questions with the same id; on one three plans ran, one of them twice and one on other prompts."""
    chain = asked(traces, CHAIN, 3, "Who?", qoa=0.9)
    chain["calls"][0] |= {"subplan_qoa": 0.1, "output": "half way"}
    chain["calls"][1] |= {"subplan_qoa": 0.9}
    rows = [
        asked(traces, LARGE, 1, "Who?", qoa=1.0, answer="Ibsen"),
        asked(traces, LARGE, 2, "Who?", qoa=0.0, answer="Hamsun", cost_usd=0.003),
        chain,
        asked(traces, LARGE, 4, "What?", qoa=0.5),
        asked(traces, LARGE, 5, "What?", qoa=None),
        asked(traces, SMALL, 6, "What?", qoa=1.0, prompt="zero-shot@2"),
        asked(traces, LARGE, 900, "Who?", qoa=0.25, run_id="winter"),
    ]
    home = copy_of(fresh_home)
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    return home


def cells(table: pl.DataFrame) -> dict[tuple[str, str], tuple[int, float]]:
    return {(r["question"], r["plan_key"]): (r["n_executions"], r["qoa"]) for r in table.to_dicts()}


def test_repeats_are_averaged_and_parts_of_plans_count(filled: Home) -> None:
    read = read_judged(filled, Part(until=datetime(2026, 3, 20, tzinfo=UTC)))
    assert cells(read.table) == {
        ("Who?", LARGE.key): (2, 0.5),
        ("Who?", CHAIN.key): (1, 0.9),
        ("Who?", SMALL.key): (1, 0.1),
        ("What?", LARGE.key): (1, 0.5),
    }
    outcomes = Outcomes.from_traces(read.table)
    who = [one.text for one in outcomes.questions].index("Who?")
    assert outcomes.cost[who, outcomes.number[LARGE]] == pytest.approx(0.002)
    assert outcomes.counts[who, outcomes.number[LARGE]] == 2
    assert (
        outcomes.answers[who, outcomes.number[LARGE]] == "Hamsun"
    )  # as often as the other, first in the alphabet
    assert outcomes.answers[who, outcomes.number[SMALL]] == "half way"
    assert {call.model for call in outcomes.calls} == {"smollm2:135m", "gemma3:270m"}


def test_prompt_sets_are_not_pooled_and_it_is_said(filled: Home) -> None:
    read = read_judged(filled, Part())
    assert read.prompt == "cot@1"
    assert "1 execution with prompt set zero-shot@2" in [left.what for left in read.left_out]
    assert "1 execution without a score" in [left.what for left in read.left_out]
    other = read_judged(filled, Part(prompt="zero-shot"))
    assert cells(other.table) == {("What?", SMALL.key): (1, 1.0)}
    with pytest.raises(InputError, match="There are: cot@1, zero-shot@2") as fault:
        read_judged(filled, Part(prompt="few-shot"))
    assert "\n" not in str(fault.value)


def test_a_stretch_of_time_and_a_run(filled: Home) -> None:
    winter = {("Who?", LARGE.key): (1, 0.25)}
    assert cells(read_judged(filled, Part(since=datetime(2026, 3, 20, tzinfo=UTC))).table) == winter
    assert cells(read_judged(filled, Part(run="win")).table) == winter


def test_of_too_many_questions_those_with_several_plans_are_drawn(filled: Home) -> None:
    read = read_judged(filled, Part(questions=1))
    assert set(read.table["question"]) == {"Who?"}
    assert "1 question" in [left.what for left in read.left_out]


def test_what_is_missing_is_said(home: Home, traces: Any) -> None:
    with pytest.raises(InputError, match=r"no answered execution.*refresh"):
        read_judged(home, Part())
    land_traces(home, traces(asked(traces, LARGE, 1, "Who?", qoa=None)))
    refresh(home, full_gate=False)
    with pytest.raises(InputError, match=r"none of the 1 executions.*optiq score"):
        read_judged(home, Part())
    with pytest.raises(InputError, match="runs that begin with winter"):
        read_judged(home, Part(run="winter"))
    with pytest.raises(PerfDBError, match="optiq init"):
        read_judged(Home(home.path / "nowhere"), Part())
