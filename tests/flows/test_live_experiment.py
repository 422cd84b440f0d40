"""An experiment of the paper on a real small model: run, taken up again, and held to its spending limit."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from benchmarks.experiments.__main__ import main


def test_a_live_experiment_goes_on_where_it_was(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("What is the capital of France?", "Paris"), ("What is the capital of Italy?", "Rome")]
    rows.append(("What is the capital of Spain?", "Madrid"))
    lines = [json.dumps({"question": q, "reference": r}) for q, r in rows]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines) + "\n")
    arguments = ["operations", "--live", str(home), "--questions", "questions.jsonl", "--answers", "found"]
    arguments += ["--server", "embedded", "--models", "smollm2:135m", "--limit", "2"]

    assert main([*arguments, "--max-total-cost", "0"]) == 1
    assert "has to be higher" in capsys.readouterr().err

    assert main([*arguments, "--max-total-cost", "1", "--csv", "one.csv"]) == 0
    table = pl.read_csv("one.csv").filter(pl.col("what") == "live")
    assert set(table["policy"]) == {"opti-q", "best-single"}
    assert set(table["setting"]) == {f"k≤{k}" for k in range(1, 6)}
    assert set(table["n_questions"]) == {2}
    assert set(table["answered"]) == {1.0}
    assert (table.filter(pl.col("policy") == "best-single")["operations"] == 1).all()

    landed = sorted((home / "landing").iterdir())
    assert main([*arguments, "--csv", "two.csv"]) == 0
    assert Path("one.csv").read_bytes() == Path("two.csv").read_bytes()
    assert sorted((home / "landing").iterdir()) == landed
