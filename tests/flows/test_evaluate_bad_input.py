"""Recordings that cannot be evaluated: each is one line that says what is missing and what to do, and exit code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

Rows = list[dict[str, Any]]


def recordings(n: int = 12, **changes: Any) -> Rows:
    """``n`` questions answered by a small and a large model."""
    return [
        {
            "question_id": f"q{i}",
            "question": f"What is {i} + {i}?",
            "plan": {"models": [model], "edges": []},
            "answer": str(2 * i),
            "cost_usd": cost,
            "latency_s": 1.0,
            "qoa": qoa,
            **changes,
        }
        for i in range(n)
        for model, cost, qoa in (("small:1b", 1e-6, 0.4), ("large:9b", 4e-6, 0.8))
    ]


def one_plan(n: int = 12) -> Rows:
    return [row for row in recordings(n) if row["plan"]["models"] == ["large:9b"]]


def each_its_own(n: int = 12) -> Rows:
    """Every question answered by one plan, as in production: half by the one, half by the other."""
    return [row for i, row in enumerate(recordings(n)) if i % 4 in (0, 3)]


def composed(n: int = 12) -> Rows:
    rows = recordings(n)
    for row in rows:
        row["plan"] = {"models": [*row["plan"]["models"], "large:9b"], "edges": [[0, 1]]}
    return rows


CASES: dict[str, tuple[Rows, list[str], str]] = {
    "no scores": (recordings(qoa=None), [], "judged.*Score the answers"),
    "one question": (recordings(1), [], "1 of 1 question.*10 are needed.*optiq calibrate"),
    "few questions": (recordings(4), [], "4 of 4 questions.*10 are needed"),
    "more folds than questions": (recordings(12), ["--folds", "13"], "13 folds.*--folds from 2 up to 12"),
    "one plan": (one_plan(), [], "one plan only.*large:9b.*optiq calibrate"),
    "one plan per question": (each_its_own(), [], "each of one plan only.*optiq calibrate"),
    "no model alone": (composed(), [], "no model alone.*--singles-only"),
    "unknown policy": (recordings(), ["--policy", "guess"], "unknown policy 'guess'.*Choose one of.*opti-q"),
    "misspelt option": (
        recordings(),
        ["--policy", "opti-q:neighbors=off"],
        "no option 'neighbors'.*neighbours",
    ),
    "option without value": (recordings(), ["--policy", "opti-q:neighbours"], "on or .*off"),
    "unknown model": (recordings(), ["--policy", "single:huge:70b"], "never ran alone.*large:9b"),
    "scores that are no numbers": (recordings(qoa="NaN"), [], "row 1: qoa"),
    "endless scores": (recordings(qoa="Infinity"), [], "row 1: qoa"),
    "scores in percent": (recordings(qoa=80), [], "row 1: qoa.*divide percent by 100"),
    "scores below 0": (recordings(qoa=-0.1), [], "row 1: qoa"),
    "negative cost": (recordings(cost_usd=-1.0), [], "row 1: cost_usd"),
    "limits that nothing meets": (
        recordings(),
        ["--max-cost", "1e-9"],
        "none of the 12 questions.*higher limits",
    ),
    "no such run": (recordings(run_id="spring"), ["--run", "autumn"], "autumn.*spring"),
    "no such prompt set": (recordings(prompt="cot@1"), ["--prompt", "few"], "'few'.*cot@1"),
    "a time that is none": (recordings(), ["--since", "last month"], "--since is 'last month'.*30d"),
    "times the wrong way round": (
        recordings(),
        ["--since", "2026-03-02", "--until", "2026-03-01"],
        "--since is not before --until",
    ),
    "nothing in that time": (
        recordings(started_at="2026-03-01T00:00:00Z"),
        ["--since", "2026-04-01"],
        "no answered execution since 2026-04-01",
    ),
    "a page that is none": (recordings(), ["--report", "page.txt"], "no HTML page.*end in .html"),
    "a page in no folder": (recordings(), ["--report", "nowhere/page.html"], "no folder nowhere"),
}


@pytest.fixture
def refused(optiq: Callable[..., Any]) -> Callable[..., str]:
    """The one line that a misused command leaves on standard error."""

    def line(*arguments: str) -> str:
        done = optiq("evaluate", "--no-embedding", *arguments)
        assert (done.code, done.out) == (2, ""), done.err
        assert done.err.count("\n") == 1
        assert "Traceback" not in done.err
        return str(done.err)

    return line


def written(rows: Rows, path: Path) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_to_do(name: str, refused: Callable[..., str], tmp_path: Path) -> None:
    rows, arguments, message = CASES[name]
    said = refused("--traces", written(rows, tmp_path / "traces.jsonl"), *arguments)
    assert pl.Series([said]).str.contains(message).item(), said


def test_files_that_cannot_be_read(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "empty.jsonl").touch()
    pl.DataFrame({"question": ["Who?"]}).write_parquet(tmp_path / "whole.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:-20])
    (tmp_path / "traces.txt").write_text("{}")
    for name, message in (
        ("folder.parquet", "is a folder. Give the files in it"),
        ("empty.jsonl", "is empty"),
        ("cut.parquet", "not a valid Parquet file"),
        ("whole.parquet", "plan"),
        ("traces.txt", "unknown suffix"),
        ("nowhere.jsonl", "no file"),
    ):
        assert message in refused("--traces", str(tmp_path / name))


def test_executions_given_twice_count_once(optiq: Callable[..., Any], tmp_path: Path) -> None:
    file = written(recordings(), tmp_path / "traces.jsonl")
    bad = written(recordings(1, qoa=7), tmp_path / "more.jsonl")
    done = optiq(
        "evaluate",
        "--no-embedding",
        "--traces",
        file,
        "--traces",
        file,
        "--traces",
        bad,
        "--policy",
        "oracle",
    )
    assert done.code == 0, done.err
    assert "24 judged outcomes" in done.out
    assert "left out: 24 executions given twice" in done.out
    assert "left out: 2 rows: they cannot be used" in done.out


def test_what_cannot_be_placed_is_counted(optiq: Callable[..., Any], tmp_path: Path) -> None:
    rows = recordings(started_at="2026-03-01T00:00:00Z") + recordings(1, question_id=None, question=None)
    file = written(rows, tmp_path / "traces.jsonl")
    everything = optiq("evaluate", "--no-embedding", "--traces", file, "--policy", "oracle")
    assert "left out: 2 executions without a question" in everything.out
    since = optiq(
        "evaluate", "--no-embedding", "--traces", file, "--policy", "oracle", "--since", "2026-02-01"
    )
    assert "24 judged outcomes of 2 plans from the traces since 2026-02-01 00:00 UTC" in since.out
    assert "left out: 2 executions without a start" in since.out


def test_a_perfdb_with_too_little_says_so(refused: Callable[..., str]) -> None:
    assert "PerfDB has no answered execution" in refused()
    assert "since 2026-01-01 00:00 UTC" in refused("--since", "2026-01-01")
