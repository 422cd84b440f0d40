"""Calibration on questions without references: agreement, and the questions that a person may label."""

import json
from pathlib import Path

import polars as pl

from optiq.questions.question import Kind, Question
from tasks.agreeing import meanings

QUESTIONS = [f"What is {n} plus {n + 1}?" for n in range(12)]


def test_models_are_judged_by_how_they_agree(optiq, home: Path) -> None:
    pl.DataFrame({"question": QUESTIONS}).write_csv("q.csv")
    done = optiq("calibrate", "q.csv", "--server", "embedded", "--label", "label.csv", "--json")
    assert done.code == 0
    summary = json.loads(done.out)
    assert {row["model"] for row in summary["consensus"]} == {"gemma3:270m", "smollm2:135m"}
    assert all(row["low"] <= row["qoa"] <= row["high"] for row in summary["consensus"])
    asked = pl.read_csv("label.csv")
    assert asked.height == summary["to_label"]
    assert asked.columns == ["question_id", "question", "gemma3:270m", "smollm2:135m", "reference"]
    (landed,) = (home / "landing").glob("priors-consensus-*")
    assert pl.read_parquet(landed)["source"].str.starts_with("consensus: agreement of 2 models on 12").all()
    assert optiq("refresh").code == 0
    told = optiq("explain", QUESTIONS[0], "--server", "embedded").out
    assert "consensus: agreement" in told


def test_answers_that_mean_the_same_are_one() -> None:
    free = meanings(
        Question("1", "Who wrote it?"), {"a": "Shakespeare", "b": "It was Shakespeare", "c": "Marlowe"}
    )
    assert free["a"] == free["b"] != free["c"]
    chosen = meanings(Question("1", "Which?", options=("x", "y"), kind=Kind.MULTI), {"a": "A, B", "b": "B,A"})
    assert chosen["a"] == chosen["b"]
    assert len(set(meanings(Question("1", "How many?"), {"a": "12", "b": "12.0", "c": "13"}).values())) == 2
