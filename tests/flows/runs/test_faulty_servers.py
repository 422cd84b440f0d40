"""Whole runs on servers that misbehave, in both dialects, under limits: every row has a status, few fail."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

FAULTS = ("--errors", "0.1", "--truncated", "0.02", "--empty", "0.02", "--hangs", "0.03", "--hang", "60")
TIMEOUT_S = "3"  # far below the time that the server hangs, far above that of an answer on a busy machine
DYING = ("--dying", "qwen2.5:14b", "--lives", "150")  # the one that most plans begin with
DIALECTS = ["ollama", "openai"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of milliseconds instead of seconds."""
    monkeypatch.setattr(
        "optiq.execution.calling.Retries.__init__.__defaults__", (4, 0.002, 2.0, 0.05, 60.0, 2)
    )
    monkeypatch.setenv("OLLAMA_NUM_PARALLEL", "8")
    monkeypatch.setenv("OPTIQ_TIMEOUT_S", TIMEOUT_S)


def flags(server, dialect: str, *more: str) -> tuple[str, ...]:
    url = server.url if dialect == "ollama" else f"{server.url}/v1"
    return (
        "answer", "questions.csv", "-o", "answers.csv", "--json", "--server", dialect, "--server-url", url,
        "--weights", "qoa=1", "--max-operations", "2", *more,
    )  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nearly_all_are_answered_and_no_limit_is_exceeded(dialect, model_server, questions, optiq) -> None:
    questions(300)
    server = model_server(*FAULTS, *DYING)
    limit = 0.05
    summary = json.loads(optiq(*flags(server, dialect, "--max-total-cost", str(limit))).out)
    rows = pl.read_csv("answers.csv")
    stats = server.stats()
    assert stats["hung"] > 5
    assert stats["given_up"] == stats["hung"], "the client ended them all before the server did"
    assert summary["models_taken_out"] == ["qwen2.5:14b"], stats["asked"]
    assert rows.height == 300
    assert rows["status"].is_not_null().all()
    assert summary["answered"] >= 0.99 * 300
    assert summary["cost_usd"] <= limit
    assert rows.filter(pl.col("status") == "answered")["answer"].is_not_null().all()
    assert optiq("refresh").code == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_total_limit_ends_a_run_and_a_higher_one_goes_on_with_it(
    dialect, model_server, questions, optiq
) -> None:
    questions(60)
    server = model_server(*FAULTS)
    few = json.loads(optiq(*flags(server, dialect, "--limit", "10", "--no-cache")).out)
    Path("answers.csv").rename("few.csv")
    limit = few["cost_usd"] * 3  # of six times as many questions
    summary = json.loads(optiq(*flags(server, dialect, "--max-total-cost", str(limit))).out)
    rows = pl.read_csv("answers.csv")
    assert summary["cost_usd"] <= limit
    assert 0 < summary["answered"] < 60
    left = rows.filter(pl.col("status") == "infeasible")
    assert left.height == summary["infeasible"] > 0
    assert left["error"].str.contains("max_total_cost").all()
    again = json.loads(optiq(*flags(server, dialect, "--max-total-cost", str(limit * 20))).out)
    assert (again["run_id"], again["asked"]) == (summary["run_id"], left.height)
    assert again["answered"] + again["failed"] == 60
    assert again["cost_usd"] > summary["cost_usd"]


def test_a_dry_run_asks_nothing(model_server, questions, optiq, home) -> None:
    questions(10)
    server = model_server()
    forecast = json.loads(optiq(*flags(server, "ollama", "--dry-run")).out)
    assert forecast["questions"] == 10
    assert forecast["low_usd"] < forecast["cost_usd"] <= forecast["high_usd"]
    assert forecast["cost_usd"] <= forecast["most_usd"]
    assert sum(number for _, number in forecast["plans"]) == 10
    assert server.answered() == 0
    assert not list((home / "runs").glob("*/run.json"))


def test_a_script_is_stopped_above_the_bill_it_named(model_server, questions, optiq) -> None:
    questions(10)
    server = model_server()
    result = optiq(*flags(server, "ollama", "--confirm-above", "0.0000001"))
    assert result.code == 2
    assert "--yes" in result.err
    assert server.answered() == 0
    assert optiq(*flags(server, "ollama", "--confirm-above", "0.0000001", "--yes")).code == 0


def test_cached_calls_cost_nothing_and_can_be_forgotten(model_server, questions, optiq) -> None:
    questions(10)
    server = model_server()
    result = optiq(*flags(server, "ollama"))
    assert f"at {server.url}" in result.err, "which server answers is said"
    first = json.loads(result.out)
    second = json.loads(optiq(*flags(server, "ollama", "--fresh")).out)
    assert (second["cached"], second["calls"], second["cost_usd"]) == (first["calls"] + first["cached"], 0, 0)
    asked = server.answered()
    json.loads(optiq(*flags(server, "ollama", "--fresh", "--no-cache")).out)
    assert server.answered() == asked + first["calls"]
    assert "forgotten" in optiq("cache", "clear").out
    assert json.loads(optiq("cache", "show", "--json").out)["responses"] == 0
