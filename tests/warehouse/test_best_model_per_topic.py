"""The best single model: few right answers do not beat many, and a topic's row says on what it stands."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

# A variant has no published figure: its quality is its answers alone.
ONCE = Plan.of(["gemma3:270m+bare"])
OFTEN = Plan.of(["smollm2:135m+bare"])


def best(home: Home) -> pl.DataFrame:
    return query(home.perfdb, "from best_model_per_topic where task = 'open'")


@pytest.fixture
def judged(home: Home, traces: Any) -> Home:
    """One right answer of a model beside 30 of 40 of another, on one topic; the second alone was asked in law."""
    make = traces.execution
    land_traces(
        home,
        traces(
            make(ONCE, 1, qoa=1.0),
            *[make(OFTEN, 10 + i, qoa=float(i < 30)) for i in range(40)],
            *[make(OFTEN, 60 + i, qoa=1.0, topic="law") for i in range(2)],
        ),
    )
    refresh(home, full_gate=False, half_life_days=None)
    return home


def test_one_right_answer_does_not_beat_thirty_of_forty(judged: Home) -> None:
    rows = {row["topic"]: row for row in best(judged).iter_rows(named=True)}
    assert set(rows) == {"*", "geography", "law"}
    for topic, n in (("*", 42), ("geography", 40), ("law", 2)):
        assert rows[topic]["model"] == OFTEN.models[0]
        assert rows[topic]["n_observations"] == n
        assert rows[topic]["basis"] == "observed"
        assert rows[topic]["runner_up"] == ONCE.models[0]
    # Answers on law are fewer than those on geography, and the interval is wider.
    low, high = (rows["geography"][end] for end in ("qoa_low", "qoa_high"))
    assert 0.55 < low < rows["geography"]["qoa"] < high < 0.9
    assert rows["law"]["qoa_low"] < low


def test_an_interval_of_one_right_answer_has_a_width(home: Home, traces: Any) -> None:
    land_traces(
        home, traces(traces.execution(ONCE, 1, qoa=1.0), traces.execution(OFTEN, 2, topic="law", qoa=None))
    )
    refresh(home, full_gate=False, half_life_days=None)
    row = best(home).row(by_predicate=pl.col("topic") == "geography", named=True)
    assert (row["model"], row["qoa"], row["n_observations"], row["basis"]) == (
        ONCE.models[0],
        1.0,
        1,
        "observed",
    )
    # Wilson's interval of 1 of 1, e.g. Brown, Cai and DasGupta 2001, Statistical Science 16, section 3.1.1.
    assert row["qoa_low"] == pytest.approx(1 / (1 + 1.96**2))
    assert row["qoa_high"] == pytest.approx(1.0)


def test_a_model_that_never_met_a_form_is_not_the_best_of_it(home: Home, traces: Any) -> None:
    """Many right answers of one form say less of another than a few bad ones that were given in it."""
    make = traces.execution
    land_traces(
        home,
        traces(
            *[make(OFTEN, 10 + i, qoa=1.0) for i in range(40)],
            *[make(ONCE, 60 + i, qoa=float(i < 1), kind="code", topic="law") for i in range(5)],
        ),
    )
    refresh(home, full_gate=False, half_life_days=None)
    code = query(home.perfdb, "from best_model_per_topic where task = 'code'")
    assert set(code["topic"]) == {"*", "law"}
    for row in code.iter_rows(named=True):
        assert (row["model"], row["n_observations"], row["basis"]) == (ONCE.models[0], 5, "observed"), row
        assert row["runner_up"] is row["runner_up_qoa"] is None
    rows = {row["topic"]: row for row in best(home).iter_rows(named=True)}
    assert (rows["*"]["model"], rows["*"]["basis"]) == (OFTEN.models[0], "observed")


def test_a_topic_or_task_in_which_nothing_was_judged_says_so(home: Home, traces: Any) -> None:
    land_traces(
        home, traces(traces.execution(ONCE, 1, qoa=1.0), traces.execution(ONCE, 2, topic="law", qoa=None))
    )
    refresh(home, full_gate=False, half_life_days=None)
    found = {row["topic"]: row for row in best(home).iter_rows(named=True)}
    law, geography = found["law"], found["geography"]
    assert (law["basis"], law["n_observations"]) == ("all topics", 1)
    assert (geography["basis"], geography["n_observations"]) == ("observed", 1)
    assert law["qoa_low"] < geography["qoa_low"]
    choice = query(home.perfdb, "from best_model_per_topic where topic = '*' and task = 'choice'").row(
        0, named=True
    )
    assert (choice["model"], choice["basis"], choice["n_observations"]) == (ONCE.models[0], "all tasks", 1)
    assert choice["qoa_low"] < geography["qoa_low"]
