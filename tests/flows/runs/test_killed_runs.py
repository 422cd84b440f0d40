"""A run that is killed at any moment and started again asks nothing twice, loses nothing, counts right."""

from __future__ import annotations

import json
import random
import signal
import time

import polars as pl
import pytest

QUESTIONS = 30
SLOTS = 4


def answer(url: str, *more: str, chunk: int = 5) -> tuple[str, ...]:
    where = ("--server", "ollama", "--server-url", url, "--chunk-size", f"{chunk}")
    return ("answer", "questions.csv", "-o", "answers.csv", *where, "--json", *more)


def kill_after(process, server, answers: int) -> None:
    """Kill −9 once the server has given so many answers, and a moment later at random."""
    while process.exitcode is None and server.answered() < answers:
        time.sleep(0.005)
    time.sleep(random.Random(answers).uniform(0, 0.03))
    process.kill()
    process.join()


@pytest.mark.parametrize("cache", ["--cache", "--no-cache"])
def test_killed_and_resumed(cache, model_server, start_optiq_to_kill, questions, optiq, monkeypatch) -> None:
    questions(QUESTIONS)
    server = model_server("--delay", "0.02")
    flags = answer(
        server.url, "--max-operations", "2", "--weights", "qoa=1", "--max-total-cost", "0.1", cache
    )
    monkeypatch.setenv("OLLAMA_NUM_PARALLEL", str(SLOTS))
    moments = [1, 9, 22]
    for moment in moments:
        process = start_optiq_to_kill(*flags, OLLAMA_NUM_PARALLEL=str(SLOTS))
        kill_after(process, server, moment)
        assert process.exitcode == -signal.SIGKILL
    last = optiq(*flags)
    assert last.code == 0, last.err
    summary = json.loads(last.out)

    rows = pl.read_csv("answers.csv")
    assert rows["question_id"].to_list() == [f"q{i}" for i in range(QUESTIONS)]
    assert set(rows["status"]) == {"answered"}
    assert rows["run_id"].n_unique() == 1

    assert optiq("refresh").code == 0
    one = json.loads(
        optiq(
            "sql",
            "select count(*) as executions, count(distinct question_id) as questions, "
            "(select count(*) from quarantine) as rejected, "
            "(select count(*) from calls where not cached) as calls, "
            "(select count(*) from (select distinct execution_id, node from calls)) as nodes, "
            "(select count(*) from calls) as all_calls, "
            "(select sum(cost_usd) from calls where not cached) as cost_usd from executions",
            "--json",
        ).out
    )[0]
    assert (one["executions"], one["questions"], one["rejected"]) == (QUESTIONS, QUESTIONS, 0)
    assert one["nodes"] == one["all_calls"]
    assert one["calls"] == summary["calls"], "a call that was answered before the kill is not a cached one"
    assert one["cost_usd"] == pytest.approx(summary["cost_usd"])
    lost = server.answered() - one["calls"]
    assert 0 <= lost <= len(moments) * SLOTS, "no more than what was in flight when it was killed"


def test_a_finished_run_is_taken_as_it_is_until_perfdb_changes(model_server, questions, optiq) -> None:
    questions(6)
    server = model_server()
    first = json.loads(optiq(*answer(server.url)).out)
    asked = server.answered()
    second = json.loads(optiq(*answer(server.url)).out)
    assert (second["run_id"], second["asked"], server.answered()) == (first["run_id"], 0, asked)
    assert json.loads(optiq(*answer(server.url, "--fresh")).out)["run_id"] != first["run_id"]
    assert server.answered() == asked, "a run of its own, and all of its calls are in the cache"
    assert optiq("refresh").code == 0
    third = json.loads(optiq(*answer(server.url)).out)
    assert third["asked"] == 6


def test_limit_then_the_rest(model_server, questions, optiq) -> None:
    questions(9)
    server = model_server()
    few = json.loads(optiq(*answer(server.url, "--limit", "4")).out)
    assert (few["answered"], few["questions"]) == (4, 4)
    assert pl.read_csv("answers.csv").height == 4
    rest = json.loads(optiq(*answer(server.url)).out)
    assert (rest["answered"], rest["asked"], rest["run_id"]) == (9, 5, few["run_id"])
    assert pl.read_csv("answers.csv").height == 9


def test_retry_errors_asks_only_what_failed(model_server, questions, optiq, monkeypatch) -> None:
    questions(8)
    broken = model_server("--models", "phi4:14b", "--dying", "phi4:14b", "--lives", "3")
    flags = answer(broken.url)
    first = optiq(*flags)
    summary = json.loads(first.out)
    assert first.code == 1
    assert summary["failed"] > 0
    assert summary["models_taken_out"] == ["phi4:14b"]
    well = model_server("--port", broken.url.rsplit(":", 1)[1]) if broken.stop() is None else None
    again = json.loads(optiq(*flags, "--retry-errors").out)
    assert (again["answered"], again["asked"]) == (8, summary["failed"])
    assert well.answered() == summary["failed"]
    runs = json.loads(optiq("runs", "list", "--json").out)
    assert [(run["answered"], run["failed"], run["status"]) for run in runs] == [(8, 0, "done")]


def test_ctrl_c_ends_cleanly_and_the_run_goes_on(model_server, start_optiq, questions, optiq) -> None:
    questions(40)
    server = model_server("--delay", "0.1")
    process = start_optiq(*answer(server.url), OLLAMA_NUM_PARALLEL="2")
    while server.answered() < 6:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "of 40 questions are done" in err
    assert "the same command goes on" in err
    written = pl.read_csv("answers.csv")
    assert written.height == 40
    assert written.filter(pl.col("status") == "answered").height > 0
    run = json.loads(optiq("runs", "list", "--json").out)[0]
    assert run["status"] == "interrupted"
    before = server.answered()
    assert before < 40
    summary = json.loads(optiq(*answer(server.url)).out)
    assert (summary["answered"], summary["run_id"]) == (40, run["run_id"])
    assert server.answered() <= 40 + 2


def test_an_error_budget_stops_the_run(model_server, questions, optiq) -> None:
    questions(40)
    server = model_server("--models", "phi4:14b", "--dying", "phi4:14b", "--lives", "0")
    result = optiq(*answer(server.url, "--fail-after", "5", chunk=2))
    summary = json.loads(result.out)
    assert result.code == 1
    assert "--fail-after 5" in summary["stopped"]
    rows = pl.read_csv("answers.csv")
    assert rows.height == 40
    assert rows["error"].str.contains("not asked").sum() > 0
