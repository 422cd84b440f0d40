"""`optiq calibrate`: within its limits, nothing twice, all topics, and what is done is kept."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import polars as pl
import pytest

TOPICS = ("lists", "orders")
N_QUESTIONS = 6
MODELS = ("phi4:14b", "mistral:7b")
N_PLANS = 5  # two singles, two chains, one blend
ALL = N_QUESTIONS * N_PLANS


@pytest.fixture
def labelled(home: Path) -> Path:
    """Questions with options: they are scored without a model."""
    path = home.parent / "labelled.jsonl"
    rows = [
        {
            "question": f"Which comes after {i}?",
            "topic": TOPICS[i % 2],
            "options": ["a", "b"],
            "reference": "A",
        }
        for i in range(N_QUESTIONS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def calibrate(model_server, labelled):
    """The command on a server; its stats are at ``calibrate.server``."""

    def command(*more: str, delay: str = "0") -> tuple[str, ...]:
        if command.server is None:
            command.server = model_server("--delay", delay)
        where = ("--server", "ollama", "--server-url", command.server.url, "--models", ",".join(MODELS))
        return ("calibrate", str(labelled), *where, *more)

    command.server = None
    return command


def test_a_dry_run_shows_work_and_bill_and_asks_nothing(calibrate, optiq) -> None:
    shown = optiq(*calibrate("--max-executions", "12", "--dry-run"))
    assert shown.code == 0, shown.err
    assert "12 plans to run" in shown.out
    assert "95 of 100 runs" in shown.out
    assert "server " in shown.out
    found = json.loads(optiq(*calibrate("--max-executions", "12", "--dry-run", "--json")).out)
    assert sum(row["questions"] for row in found["work"]) == found["executions"] == 12
    assert {row["topic"] for row in found["work"]} == set(TOPICS)
    assert found["low_usd"] <= found["cost_usd"] <= found["high_usd"] <= found["most_usd"]
    assert calibrate.server.answered() == 0


def test_limited_then_the_rest_and_nothing_twice(calibrate, optiq) -> None:
    first = json.loads(optiq(*calibrate("--max-executions", "10", "--json")).out)
    assert first["executions"] == 10
    assert first["rounds"] > 1
    assert first["left"] == 0
    assert {row["topic"] for row in first["work"]} == set(TOPICS)
    assert first["settings"]["max_operations"] == 3
    assert first["settings"]["weights"]["first"] == "qoa"
    assert all(row["after"]["interval"] < row["before"]["interval"] for row in first["topics"])
    rest = optiq(*calibrate())
    assert f"{ALL - 10} plans run" in rest.out, rest.out + rest.err
    assert "10 known already" in rest.out
    assert "0 plans run" in optiq(*calibrate()).out


def test_failures_are_told_among_plans_and_calls_among_calls(calibrate, model_server, optiq, home) -> None:
    calibrate.server = model_server("--dying", MODELS[1], "--lives", "0")
    shown = optiq(*calibrate("--max-executions", "8"))
    landed = pl.read_parquet(home / "landing" / "traces-*.parquet")
    made = landed["calls"].explode().struct.field("cached").not_().sum()
    failed = (landed["status"] == "failed").sum()
    assert 0 < failed <= landed.height
    assert f"{failed} failed, 0 known already ({made} call" in " ".join(shown.out.split())


def test_the_same_seed_tries_the_same(calibrate, optiq, home) -> None:
    one, other = (
        json.loads(optiq(*calibrate("--max-executions", "10", "--dry-run", "--json", "--seed", "3")).out)
        for _ in range(2)
    )
    assert one == other


def test_total_cost_is_kept(calibrate, optiq) -> None:
    found = json.loads(optiq(*calibrate("--max-total-cost", "0.00002", "--json")).out)
    assert 0 < found["cost_usd"] <= 0.00002
    assert 0 < found["executions"] < ALL


@pytest.mark.parametrize("limit", ["--max-executions", "--max-total-cost", "--max-total-energy"])
def test_limit_0_runs_nothing(calibrate, optiq, limit) -> None:
    shown = optiq(*calibrate(limit, "0"))
    assert shown.code == 0, shown.err
    assert "0 plans run" in shown.out
    assert calibrate.server.answered() == 0


def test_a_bill_above_what_was_allowed_is_refused_without_a_terminal(calibrate, optiq) -> None:
    shown = optiq(*calibrate("--confirm-above", "0"))
    assert shown.code == 2
    assert "predicted bill" in shown.err
    assert calibrate.server.answered() == 0


def test_no_plan_within_the_limits_is_said(calibrate, optiq) -> None:
    shown = optiq(*calibrate("--max-executions", "4", "--max-cost", "0"))
    assert shown.code in (0, 1), shown.err
    assert "Traceback" not in shown.err


def test_a_file_without_a_question_is_refused(home, optiq) -> None:
    path = home.parent / "bad.csv"
    path.write_text("question,reference\n")
    shown = optiq("calibrate", path)
    assert shown.code == 2
    assert "no question" in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("flag", "value"), [("--max-executions", "-1"), ("--max-total-cost", "x"), ("--per-question", "0")]
)
def test_limits_that_cannot_be_used_are_named(labelled, optiq, flag, value) -> None:
    shown = optiq("calibrate", labelled, flag, value)
    assert shown.code == 2
    assert flag in shown.err


def test_one_question_of_a_topic_nobody_knows(calibrate, labelled, optiq) -> None:
    labelled.write_text(labelled.read_text().splitlines()[0].replace("lists", "never heard of") + "\n")
    found = json.loads(optiq(*calibrate("--json", "--per-question", "2")).out)
    assert found["executions"] == 2
    assert [row["topic"] for row in found["topics"]] == ["never heard of"]


def test_interrupted_keeps_what_is_done_and_goes_on(calibrate, start_optiq, optiq) -> None:
    process = start_optiq(*calibrate(delay="0.3"), OLLAMA_NUM_PARALLEL="1")
    while process.poll() is None and calibrate.server.answered() < 8:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert "is kept; the same command goes on" in err
    kept = int(out.split(" plans run")[0].split()[-1])
    assert kept > 0
    rest = json.loads(optiq(*calibrate("--json")).out)
    assert rest["skipped"] == kept
    assert rest["executions"] == ALL - kept
