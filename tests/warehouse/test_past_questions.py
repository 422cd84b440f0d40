"""Past questions in PerfDB: what a refresh reads, keeps, corrects and tunes."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from optiq.errors import OptiqWarning
from optiq.estimation.estimator import make_estimator
from optiq.estimation.past_questions import QuestionFigures
from optiq.plans.plan import Plan
from warehouse import neighbours
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.neighbours import load_looks, load_past_questions
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics

A, B = "phi4:14b", "mistral:7b"
CHAIN = Plan.parse(f"{A} → {B}")


def sum_of(number: int) -> str:
    return f"How much is {number} plus {number * 7 % 90 + 10}?"


def poem(number: int) -> str:
    things = ["rivers", "autumn", "lost ships", "mountains", "old friends", "the moon", "bread", "gardens"]
    return f"Write a short poem about {things[number % 8]} and {things[number // 8 % 8]}, verse {number}."


def rows_of(traces: Any, numbers: range, start: int = 0) -> list[dict[str, Any]]:
    """Each question answered by both models alone, all on one topic: A can add, B can write poems."""
    rows: list[dict[str, Any]] = []
    for number in numbers:
        for text, right in ((sum_of(number), A), (poem(number), B)):
            for model in (A, B):
                qoa = 0.9 if model == right else 0.2
                row = traces.execution(Plan.parse(model), start + len(rows), qoa, "mixed")
                rows.append(row | {"question": text, "question_id": text})
    return rows


@pytest.fixture(scope="module")
def made(fresh_home: Home, copy_of: Any, traces: Any) -> Home:
    home = copy_of(fresh_home)
    land_traces(home, traces(*rows_of(traces, range(40))))
    refresh(home, full_gate=False)
    return home


@pytest.fixture
def answered(made: Home, copy_of: Any) -> Home:
    """80 questions, each answered by both models alone."""
    return copy_of(made)


def test_what_is_published_is_the_mean_quality_of_each_model_alone(answered: Home) -> None:
    past = load_past_questions(answered.perfdb)
    assert past is not None
    table = query(
        answered.perfdb,
        "select question, plan_key, avg(qoa) as qoa from executions group by all order by all",
    )
    assert len(past.texts) == 80
    assert past.models == (B, A)
    for text, plan_key, qoa in table.rows():
        column = past.models.index(plan_key.removeprefix("1:0:"))
        assert past.qoa[past.texts.index(text), column] == pytest.approx(qoa)
    assert set(past.topics) == {(("mixed", 1.0),)}


def test_neighbours_tell_two_kinds_of_questions_of_one_topic_apart(answered: Home) -> None:
    past = load_past_questions(answered.perfdb)
    assert past is not None
    figures = QuestionFigures(past, make_estimator("shrunk", load_statistics(answered.perfdb)))
    topic = [(("mixed", 1.0),)] * 2
    of_sum, of_poem = figures.shifts([sum_of(81), poem(77)], topic, ["open"] * 2)
    assert of_sum.of(A) > 0.15 > -0.15 > of_sum.of(B)
    assert of_poem.of(B) > 0.15 > -0.15 > of_poem.of(A)
    assert figures.nearest(poem(3), topic[0], "open")[0].text == poem(3)


def test_looks_that_make_questions_dear_are_published_and_planned_with(home: Home, traces: Any) -> None:
    rows = rows_of(traces, range(40))
    for row in rows:
        more = 3.0 if "plus" in row["question"] else 1.0
        row["calls"] = [call | {"cost_usd": 2e-6 * more, "latency_s": 1.0} for call in row["calls"]]
        row["cost_usd"], row["latency_s"] = 2e-6 * more, 1.0
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    looks = load_looks(home.perfdb)
    assert looks is not None
    (n, explained) = query(
        home.perfdb, "select n_questions, explained from question_looks where metric = 'cost_usd'"
    ).row(0)
    assert n == 80
    assert explained > 0.9
    dear, cheap = looks.factors(sum_of(81), "open"), looks.factors(poem(77), "open")
    assert dear[0] / cheap[0] == pytest.approx(3.0, rel=0.1)
    kept = query(home.perfdb, "select sum(log_cost_usd.n), sum(log_energy_j.n) from past_qualities").row(0)
    assert kept[0] == 160


def test_reading_in_two_refreshes_gives_what_one_gives(answered: Home, traces: Any) -> None:
    more = rows_of(traces, range(20, 60), start=1000)
    land_traces(answered, traces(*more))
    refresh(answered, full_gate=False)
    columns = "question, task, model, n, round(total, 9)"
    kept = f"select {columns} from past_qualities join past_questions using (question_key, task) order by all"
    expected = (
        "select question, 'open', plans.sink_model, count(*), round(sum(qoa), 9) "
        "from executions join plans using (plan_key) group by all order by all"
    )
    assert query(answered.perfdb, kept).rows() == query(answered.perfdb, expected).rows()
    assert query(answered.perfdb, "from past_questions where vector is null").is_empty()


def test_first_calls_of_larger_plans_count_and_later_ones_do_not(home: Home, traces: Any) -> None:
    rows = [traces.execution(CHAIN, n, 0.5, "mixed") | {"question": sum_of(n)} for n in range(5)]
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    assert query(home.perfdb, "select distinct model from past_qualities").rows() == [(A,)]


def test_only_the_latest_questions_stay(home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST", 6)
    land_traces(home, traces(*rows_of(traces, range(10))))
    refresh(home, full_gate=False)
    found = query(home.perfdb, "select question from past_questions order by last_seen")["question"].to_list()
    assert found == [text for n in (7, 8, 9) for text in (sum_of(n), poem(n))]
    assert query(home.perfdb, "from past_qualities").height == 12


def test_night_after_night_the_latest_stay_with_all_their_answers(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known questions again, on another topic, earlier than before, and so many new ones that others go."""
    monkeypatch.setattr(neighbours, "MOST", 6)
    nights = [
        [(0, "a", 10), (1, "a", 11), (2, "a", 12), (3, "a", 13)],
        [(1, "a", 20), (2, "b", 21), (2, "b", 22), (4, "a", 23), (5, "a", 24)],
        [(3, "a", 5), (0, "b", 30)],
        [(number, "b", 40 + number) for number in (1, 6, 7, 8, 9, 10, 11, 12)],
        [(2, "a", 60)],
    ]
    known: dict[str, tuple[int, str, int]] = {}  # when it was seen last, on which topic, how many answers
    for night in nights:
        rows = []
        for number, topic, hour in night:
            row = traces.execution(Plan.parse(A), hour, 0.5, topic)
            rows.append(row | {"question": sum_of(number), "question_id": None})
            last, _, n = known.get(sum_of(number), (hour, topic, 0))
            known[sum_of(number)] = max(last, hour), topic, n + 1
        known = dict(sorted(known.items(), key=lambda item: -item[1][0])[:6])
        land_traces(home, traces(*rows))
        refresh(home, full_gate=False)
        kept = query(
            home.perfdb,
            "select question, hour(last_seen) + 24 * (day(last_seen) - 1), topics[1].topic, n "
            "from past_questions left join past_qualities using (question_key, task)",
        ).rows()
        assert {text: tuple(rest) for text, *rest in kept} == known


def test_few_questions_or_equal_scores_or_no_text_say_nothing(home: Home, traces: Any) -> None:
    few = rows_of(traces, range(10))
    land_traces(home, traces(*few))
    refresh(home, full_gate=False)
    assert load_past_questions(home.perfdb) is None
    assert query(home.perfdb, "from past_questions where vector is not null").is_empty()
    equal = [row | {"qoa": 0.5, "execution_id": f"e{i}"} for i, row in enumerate(rows_of(traces, range(60)))]
    untold = [
        row | {"question": " ", "question_id": None, "execution_id": f"u{i}"} for i, row in enumerate(few)
    ]
    land_traces(home, traces(*equal, *untold))
    refresh(home, full_gate=False)
    assert query(home.perfdb, "from past_questions where trim(question) = ''").is_empty()


def test_noise_is_not_heard(home: Home, traces: Any) -> None:
    draw = np.random.default_rng(0)
    rows = [row | {"qoa": float(draw.random())} for row in rows_of(traces, range(60))]
    for row in rows:
        row["calls"] = [call | {"subplan_qoa": row["qoa"]} for call in row["calls"]]
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    assert load_past_questions(home.perfdb) is None
    told = query(home.perfdb, "select difficulty, preference from neighbour_strengths")
    assert told.rows() == [([], [])]


def test_vectors_of_another_embedding_are_not_asked_and_made_anew(
    answered: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "NAME", "another embedding")
    with pytest.warns(OptiqWarning, match="differs from the installed one, 'another embedding'"):
        assert load_past_questions(answered.perfdb) is None
    land_traces(answered, traces(*rows_of(traces, range(40, 41), start=1000)))
    refresh(answered, full_gate=False)
    assert load_past_questions(answered.perfdb) is not None
    assert query(answered.perfdb, "select distinct embedding from past_questions").rows() == [
        ("another embedding",)
    ]


def test_answers_of_weights_that_are_no_longer_served_do_not_count(home: Home, traces: Any) -> None:
    for weights, start in (("-old", 0), ("-new", 2000)):
        rows = rows_of(traces, range(40), start=start)
        for row in rows:
            row["calls"] = [call | {"answered_model": call["model"] + weights} for call in row["calls"]]
            if weights == "-new":
                row["qoa"] = 1.0
                row["calls"][0]["subplan_qoa"] = 1.0
        land_traces(home, traces(*(rows if weights == "-old" else rows[:80])))
        refresh(home, full_gate=False)
    with duckdb.connect(home.perfdb, read_only=True) as connection:
        past = neighbours._published(connection)
    assert past is not None
    assert np.nanmin(past.qoa) == 1.0
    assert pl.Series(past.texts).n_unique() == 40
