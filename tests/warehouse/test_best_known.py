"""The best plan that is known for a question is one that could have been asked there, and that did not fail on it."""

from __future__ import annotations

from typing import Any

import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.run_answers import best_known

OURS, OTHER, FOREIGN = "mistral:7b", "phi4:14b", "gpt-4o-mini"
FAILED = "Who wrote nothing?"
CHAIN = Plan.parse(f"{OTHER} → {OURS}")


@pytest.fixture(scope="module")
def known(fresh_home: Home, copy_of: Any, traces: Any) -> Home:
    """Answers of two models of one server, and better ones of a model that only others ask; one question that OTHER,
    the better of the two on the topic, left empty."""
    home: Home = copy_of(fresh_home)
    make = traces.execution
    rows, number = [], 0
    for model, qoa, server in ((OURS, 0.0, "here"), (OTHER, 0.8, "here"), (FOREIGN, 1.0, "elsewhere")):
        for question in ("Who?", *(f"Who is {i}?" for i in range(8))):
            number += 1
            plan, call = Plan.of([model]), {"server": server}
            rows.append(make(plan, number, qoa=qoa, question=question, call=call))
    chain = CHAIN
    rows += [
        make(chain, number + i, qoa=0.7, question=f"Which {i}?", call={"server": "here"}) for i in range(1, 4)
    ]
    empty = {"server": "here", "output": ""}
    rows.append(
        make(Plan.of([OTHER]), 90, qoa=None, question=FAILED, status="failed", answer=None, call=empty)
    )
    rows.append(make(Plan.of([OURS]), 91, qoa=0.0, question=FAILED, call={"server": "here"}))
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False, half_life_days=None)
    return home


def best(home: Home, question: str, models: list[str]) -> dict[str, Any]:
    asked = query(
        home.perfdb,
        f"select execution_id, question, topic, 'open' as task, plan_key from executions where question = '{question}' "
        f"and plan_key = '{Plan.of([OURS]).key}'",
    )
    return best_known(home, asked, models).row(0, named=True)


@pytest.mark.parametrize(
    ("models", "plan"),
    [([], OTHER), ([OURS], OTHER), ([OURS, FOREIGN], FOREIGN)],
    ids=["none", "own", "both"],
)
def test_it_is_one_of_the_run_or_of_its_servers(known: Home, models: list[str], plan: str) -> None:
    found = best(known, "Who?", models)
    assert (found["best_plan"], found["best_from"]) == (plan, "question")


def test_a_model_that_failed_on_the_question_is_not_told_for_the_topic(known: Home) -> None:
    """Neither alone nor as a step of another plan."""
    topic = query(
        known.perfdb, "select plan_key from plan_statistics where topic = 'geography' order by qoa desc"
    )
    assert topic["plan_key"].to_list()[:3] == [
        Plan.of([FOREIGN]).key,
        Plan.of([OTHER]).key,
        CHAIN.key,
    ]
    assert best(known, FAILED, [OURS, OTHER])["best_plan"] is None
    assert best(known, FAILED, [OURS, OTHER, FOREIGN])["best_plan"] == FOREIGN
