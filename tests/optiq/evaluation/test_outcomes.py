"""Recorded executions as arrays."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from recordings import sums_and_poems

from optiq.errors import InputError
from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import Outcomes
from optiq.questions.question import Kind

ROWS = [
    {
        "question_id": "b",
        "question": "Two?",
        "plan_key": "1:0:m",
        "qoa": 1.0,
        "cost_usd": 2.0,
        "answer": "two",
    },
    {"question_id": "a", "question": "One?", "plan_key": "1:0:m", "qoa": 0.0, "cost_usd": 1.0, "answer": "1"},
    {
        "question_id": "a",
        "question": "One?",
        "plan_key": "1:0:m",
        "qoa": 1.0,
        "cost_usd": None,
        "answer": "one",
    },
    {
        "question_id": "a",
        "question": "One?",
        "plan_key": "1:0:m",
        "qoa": 1.0,
        "cost_usd": 3.0,
        "answer": "one",
    },
    {
        "question_id": "a",
        "question": "One?",
        "plan_key": "2:1:m>n",
        "qoa": None,
        "cost_usd": 9.0,
        "answer": "?",
    },
]


def test_executions_of_one_plan_on_one_question_are_one_cell() -> None:
    outcomes = Outcomes.from_traces(pl.DataFrame(ROWS))
    assert [asked.question_id for asked in outcomes.questions] == ["a", "b"]
    assert outcomes.counts.tolist() == [[3], [1]]
    assert outcomes.qoa[0, 0] == pytest.approx(2 / 3)
    assert outcomes.cost[0, 0] == 2.0  # the mean of those that are known
    assert outcomes.answers[0, 0] == "one"
    assert np.isnan(outcomes.values[0, 0, 1])  # never given: unknown, not 0
    assert outcomes.questions[0].kind is Kind.OPEN


def test_traces_that_nobody_judged_cannot_be_evaluated() -> None:
    with pytest.raises(InputError, match="judged"):
        Outcomes.from_traces(pl.DataFrame(ROWS[-1:]))


def test_a_part_has_nothing_of_the_other_questions() -> None:
    outcomes = sums_and_poems()
    part = outcomes.only([5, 3])
    assert [asked.question_id for asked in part.questions] == ["q003", "q005"]
    assert part.values.tolist() == outcomes.values[[3, 5]].tolist()
    assert {q for q, _ in part.answers} == {0, 1}


def test_folds_spread_every_topic_and_depend_on_the_seed_alone() -> None:
    questions = sums_and_poems(40).questions
    folds = split(questions, 5, seed=3)
    assert folds.tolist() == split(questions, 5, seed=3).tolist() != split(questions, 5, seed=4).tolist()
    for topic in ("sums", "poems"):
        of_topic = [f for f, asked in zip(folds, questions, strict=True) if asked.topics[0][0] == topic]
        assert np.bincount(of_topic).tolist() == [4] * 5


def test_more_folds_than_questions_are_refused() -> None:
    with pytest.raises(InputError, match="3 questions"):
        split(sums_and_poems(3).questions, 4, seed=0)
