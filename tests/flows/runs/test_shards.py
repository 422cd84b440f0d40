"""Shards without a Prefect server: the same flows, started in threads, with scripted ends."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.answer_shard import answer_shard
from flows.answer_sharded import answer_questions_sharded
from tasks.flow_runs import BROKEN, ENDED, WORKING, FlowRunState
from tasks.run_state import interrupt_all

Starts = list[dict[str, Any]]


class ThreadRuns:
    """Flow runs as threads of this process. ``fate(start)`` may raise instead of the shard being answered."""

    def __init__(self, fate: Callable[[Mapping[str, Any]], None]) -> None:
        self.fate = fate
        self.starts: Starts = []
        self._seen: dict[str, FlowRunState] = {}
        self._ids: dict[str, str] = {}

    def start(self, key: str, name: str, parameters: Mapping[str, Any], delay_s: float = 0.0) -> str:
        if key not in self._ids:
            self._ids[key] = name
            self._seen[name] = FlowRunState(WORKING, name)
            told = json.loads(json.dumps(dict(parameters)))  # as it would reach another machine
            self.starts.append(told)
            threading.Thread(target=self._run, args=(name, told), daemon=True).start()
        return self._ids[key]

    def _run(self, name: str, parameters: dict[str, Any]) -> None:
        try:
            self.fate(parameters)
            answer_shard.fn(**parameters)
            self._seen[name] = FlowRunState(ENDED, name)
        except Exception as fault:
            self._seen[name] = FlowRunState(BROKEN, name, f"{type(fault).__name__}: {fault}")

    def look(self, flow_run_id: str) -> FlowRunState:
        return self._seen[flow_run_id]

    def give_up(self, flow_run_id: str, why: str) -> None:
        self._seen[flow_run_id] = FlowRunState(BROKEN, flow_run_id, why)

    def cancel(self, flow_run_id: str) -> None:
        interrupt_all("interrupted")


@pytest.fixture
def sharded(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Any], Starts]]:
    """Run the coordinator on `questions.csv`; its summary, and what shards were started with."""
    monkeypatch.setattr("tasks.coordinating.Coordinator.poll_s", 0.02)
    monkeypatch.setenv("OLLAMA_NUM_PARALLEL", "4")
    # The library that finds energy counters cannot be imported by several threads at once; shards have processes.
    monkeypatch.setenv("OPTIQ_ENERGY", "predicted")

    def answer(
        url: str, fate: Callable[[Mapping[str, Any]], None] = lambda _: None, **more: Any
    ) -> tuple[dict[str, Any], Starts]:
        runs = ThreadRuns(fate)
        monkeypatch.setattr("tasks.flow_runs.DeploymentRuns", lambda *_: runs)
        given = {"file": "questions.csv", "output": "answers.csv", "server": "ollama", "server_url": url}
        given |= {"shards": 4, "chunk_size": 5, "models": "phi4:14b"}
        return answer_questions_sharded.fn(**{**given, **more}), runs.starts

    return answer


def answers() -> pl.DataFrame:
    return pl.read_csv("answers.csv")


def test_a_broken_shard_goes_on_and_a_hopeless_one_is_reported(sharded, model_server, questions) -> None:
    questions(20)
    server = model_server()
    ends = {1: 2, 3: 99}  # shard: how many starts break

    def fate(given: Mapping[str, Any]) -> None:
        if given["start"] <= ends.get(given["shard"], 0):
            raise OSError("no route to the model server")

    summary, starts = sharded(server.url, fate)
    assert (summary["answered"], summary["failed"], summary["restarts"]) == (15, 5, 4)
    assert sorted(given["shard"] for given in starts) == [1, 1, 1, 2, 3, 3, 3, 4]
    failed = answers().filter(pl.col("status") == "failed")
    assert failed["question_id"].to_list() == [f"q{i}" for i in range(10, 15)]
    assert failed["error"].str.contains("shard 3 was given up after 3 failed starts: OSError: no route").all()

    ends.clear()
    again, starts = sharded(server.url)
    assert (again["answered"], again["run_id"], len(starts)) == (20, summary["run_id"], 1)
    assert server.answered() == 20, "no question was asked twice"
    assert again["cost_usd"] == pytest.approx(sum(answers()["observed_cost_usd"]))


def test_the_total_limit_holds_over_shards_and_what_is_left_is_granted_again(
    sharded, model_server, questions
) -> None:
    questions(40)
    source = Path("questions.csv")
    long = " and why?" * 200  # the first shard's questions cost a lot more than the others'
    rows = [f'q{i},"Who was number {i} of the list{long if i < 10 else "?"}"\n' for i in range(40)]
    source.write_text("question_id,question\n" + "".join(rows))
    server = model_server()
    free, _ = sharded(server.url, output="free.csv")
    limit = free["cost_usd"] * 1.6
    summary, starts = sharded(server.url, max_total_cost=limit, cache=False)
    assert summary["cost_usd"] <= limit
    rounds = [given for given in starts if given["shard"] == 1]
    assert len(rounds) > 1, "the first grant of the dear shard was too small"
    assert rounds[-1]["max_total_cost"] > rounds[0]["max_total_cost"]
    first = [given["max_total_cost"] for given in starts[:4]]
    assert sum(first) <= limit
    assert summary["answered"] > 30
    over = answers().filter(pl.col("status") == "infeasible")
    assert over.height == 40 - summary["answered"]
    assert over["error"].str.contains("in its shard's share of the total").all()

    more, _ = sharded(server.url, max_total_cost=limit * 10, cache=False)
    assert (more["answered"], more["run_id"]) == (40, summary["run_id"])
    assert server.answered() == 80, "the free run's, and each question once more"


def test_retry_errors_starts_shards_with_failed_questions_only(sharded, model_server, questions) -> None:
    questions(20)
    broken = model_server("--models", "phi4:14b", "--dying", "phi4:14b", "--lives", "14")
    first, _ = sharded(broken.url, shards=2)
    assert first["failed"] > 0
    broken.stop()
    well = model_server("--models", "phi4:14b", "--port", broken.url.rsplit(":", 1)[1])
    again, starts = sharded(well.url, retry_errors=True)
    assert (again["answered"], again["run_id"]) == (20, first["run_id"])
    assert well.answered() == first["failed"]
    assert {given["turn"] for given in starts} == {1}


def test_a_home_in_a_store_with_a_machine_for_each_shard(
    sharded, model_server, questions, home, tmp_path, monkeypatch
) -> None:
    import shutil

    questions(20)
    server = model_server()
    store = tmp_path / "mounted"
    shutil.copytree(home, store)
    monkeypatch.setenv("OPTIQ_MIRRORS", str(tmp_path / "mirrors"))
    killed = []

    def fate(given: Mapping[str, Any]) -> None:
        assert given["perfdb"] == f"file://{store}"
        if given["shard"] == 2 and not killed:
            killed.append(given["start"])
            raise OSError("power cut")

    limit = 1.0
    summary, starts = sharded(server.url, fate, perfdb=f"file://{store}", max_total_cost=limit)
    assert (summary["answered"], summary["restarts"]) == (20, 1)
    second = [given["max_total_cost"] for given in starts if given["shard"] == 2]
    others = sum(given["max_total_cost"] for given in starts if given["shard"] != 2)
    assert second[0] + second[1] <= limit, "the grant of a machine that is out of sight counts as spent"
    assert others + second[0] <= limit
    assert len(list((store / "landing").glob("traces-*.parquet"))) == 4
    assert json.loads((store / "runs" / summary["run_id"] / "run.json").read_text())["status"] == "done"


def test_every_machine_has_the_examples_and_the_planning_of_the_coordinator(
    sharded, model_server, questions, home, optiq, monkeypatch, tmp_path
) -> None:
    questions(4)
    Path("few.csv").write_text("question,reference\nWhat is the capital of France?,Paris\n")
    server = model_server()
    monkeypatch.setenv("OPTIQ_SEED", "7")
    given = {"prompt": "few-shot", "examples": "few.csv", "weights": "cost=0.5,qoa=0.5", "shards": 2}
    summary, starts = sharded(server.url, **given)
    assert summary["answered"] == 4
    assert all(told["settings"]["seed"] == 7 for told in starts)
    assert all(told["settings"]["prompt"] == "few-shot" for told in starts)
    Path("few.csv").unlink()
    for told in starts:
        assert (home / told["examples"]).read_text().startswith("question,reference")
    asked = [text for text in server.stats()["answered"] if "capital of France" in text]
    assert len(asked) == 4


def test_the_coordinator_takes_whatever_answer_questions_takes() -> None:
    from inspect import signature

    from flows.answer_questions import answer_questions

    more = signature(answer_questions_sharded.fn).parameters
    for name, parameter in signature(answer_questions.fn).parameters.items():
        assert more[name] == parameter


def test_questions_survive_the_way_to_another_machine(tmp_path: Path) -> None:
    from optiq.questions.question_file import read_questions
    from tasks.shard_files import read_shard_questions, split, write_questions

    source = tmp_path / "all.jsonl"
    rows = [
        {"question": "Which? \u2028 \x1b[31m", "options": ["a", "b"], "reference": "A", "topic": "history"},
        {"question": ""},
        {"question": "How far?", "max_cost_usd": 0.5, "kind": "open", "reference": "12 km"},
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    read = read_questions(source).rows
    path = tmp_path / uuid.uuid4().hex / "questions.jsonl"
    write_questions(path, read)
    assert read_shard_questions(path) == tuple(row for row in read if row.question is not None)
    assert [len(piece) for piece in split(read, 2)] == [2, 1]
    assert [len(piece) for piece in split(read, 9)] == [1, 1, 1]
