"""`optiq review`: two real small models answer three questions and grade each other."""

from __future__ import annotations

import json
from pathlib import Path

MODELS = "smollm2:135m,gemma3:270m"


def test_models_answer_and_grade_and_chemistry_follows(home: Path, optiq, tmp_path: Path) -> None:
    rows = [
        ("What is the capital of France?", "Paris"),
        ("What is 2 + 2?", "4"),
        ("Who wrote Hamlet?", "Shakespeare"),
    ]
    lines = [json.dumps({"question": q, "reference": r, "topic": "general"}) for q, r in rows]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines) + "\n")
    shown = optiq("review", "questions.jsonl", "--models", MODELS, "--server", "embedded", "--json")
    assert shown.code == 0, shown.err
    summary = json.loads(shown.out)
    assert (summary["answers"], summary["failed"]) == (6, 0)
    assert summary["grades"] + summary["no_grade"] == 6
    by_model = {one["model"]: one for one in summary["models"]}
    assert set(by_model) == set(MODELS.split(","))
    # Every answer has one other grader, so nobody's grading can be judged; accuracy is the references'.
    assert all(one["review_accuracy"] is None for one in by_model.values())
    assert all(one["accuracy"] == one["generation_accuracy"] for one in by_model.values())

    assert optiq("refresh").code == 0
    landed = json.loads(optiq("sql", "select * from model_trials order by trial, model", "--json").out)
    assert len(landed) == 6
    assert {row["topic"] for row in landed} == {"general"}
    # The run's own traces are not counted a second time.
    counted = json.loads(
        optiq("sql", "select n_trials, source from model_quality where topic = '*'", "--json").out
    )
    assert {row["source"] for row in counted} <= {"reviews"}
    assert {row["n_trials"] for row in counted} <= {1, 2, 3}


def test_one_model_cannot_review(home: Path, optiq, tmp_path: Path) -> None:
    (tmp_path / "questions.csv").write_text("question\nWho?\n")
    result = optiq("review", "questions.csv", "--models", "smollm2:135m", "--server", "embedded")
    assert result.code == 2
    assert "at least two" in result.err
