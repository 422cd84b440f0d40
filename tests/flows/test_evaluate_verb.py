"""`optiq evaluate` from end to end on a small traces file."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from flows.command_line.main import run


@pytest.fixture
def traces(tmp_path: Path) -> str:
    """Thirty questions answered by a small model, a large one and the chain of both."""
    rows = []
    for i in range(30):
        poem = i % 2 == 1
        for models, cost, qoa in (
            (["small:1b"], 1e-6, 0.2 if poem else 0.9),
            (["large:9b"], 4e-6, 0.8),
            (["small:1b", "large:9b"], 6e-6, 0.7),
        ):
            plan = {"models": models, "edges": [[0, 1]] if len(models) > 1 else []}
            text = f"Who wrote poem {i}?" if poem else f"{i} + {i} = ?"
            row = {
                "question_id": f"q{i}",
                "question": text,
                "topic": "poems" if poem else "sums",
                "plan": plan,
            }
            row |= {"answer": f"answer {i}", "cost_usd": cost * (1 + i / 100), "latency_s": 1.0, "qoa": qoa}
            rows.append({**row, "run_id": "spring"})
    path = tmp_path / "traces.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def test_a_report_for_programs_and_a_row_per_question(
    traces: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "replay.csv"
    arguments = [
        "--traces",
        traces,
        "--policy",
        "opti-q",
        "--policy",
        "oracle",
        "--no-embedding",
        "-o",
        str(out),
    ]
    assert run(["evaluate", *arguments, "--max-cost", "5.5e-6", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    by_name = {line["policy"]: line for line in summary["lines"]}
    assert summary["questions"] == 30
    assert list(by_name) == ["best-single", "opti-q", "oracle"]
    assert by_name["oracle"]["hindsight"]
    assert by_name["opti-q"]["qoa"] >= by_name["best-single"]["qoa"]
    frame = pl.read_csv(out)
    assert frame.height == 3 * 30
    assert set(frame["within_budget"]) == {True}


def test_a_person_sees_that_the_oracle_is_a_bound(traces: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--traces", traces, "--policy", "oracle", "--no-embedding"]) == 0
    shown = capsys.readouterr().out
    assert "hindsight" in shown
    assert "best-single" in shown
    assert "plans run" in shown, "the figure counts plans, not the calls in them"
    assert "calls" not in shown


def test_opti_q_is_replayed_as_the_options_for_planning_say(
    traces: str, capsys: pytest.CaptureFixture[str]
) -> None:
    policies = ("--policy", "opti-q", "--policy", "opti-q:looks=on", "--policy", "oracle", "--no-embedding")
    planning = ("--no-looks", "--estimator", "paper", "--weights", "worth=0.002", "--confidence", "0.8")
    assert run(["evaluate", "--traces", traces, *policies, *planning, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert {line["policy"] for line in summary["lines"]} == {
        "best-single",
        "opti-q:estimator=paper,looks=off,worth=0.002",
        "opti-q:looks=on,estimator=paper,worth=0.002",
        "oracle",
    }
    assert summary["confidence"] == 0.8


def test_misuse_is_said_in_one_line(traces: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["--traces", "nowhere.jsonl"], "no file"),
        (["--traces", traces, "--policy", "guess"], "unknown policy"),
        (["--traces", traces, "--run-id", "autumn"], "spring"),
        (["--traces", traces, "--folds", "31"], "31 folds"),
        (["--traces", traces, "--max-cost", "much"], "--max-cost"),
    ):
        assert run(["evaluate", *arguments, "--no-embedding"]) == 2
        assert message in capsys.readouterr().err
