"""Two workers share a question file; the coordinator is killed, then one worker: nobody notices in the answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.local_prefect import down, start_worker, stop, up
from tasks.prefect_key import key_file
from warehouse.home import Home
from warehouse.refresh import refresh

ROOT = Path(__file__).parents[3]
QUESTIONS, SHARDS, SLOTS = 80, 2, 4
CHUNK = 5
COORDINATOR = """
import json, sys
from flows.answer_sharded import answer_questions_sharded
print(json.dumps(answer_questions_sharded(**json.loads(sys.argv[1]))))
"""


def descendants(pid: int) -> list[int]:
    """Process ids below ``pid``."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


class Pool:
    """A Prefect server and two workers that take one shard at a time."""

    def __init__(self, home: Path, api_url: str) -> None:
        self.api_url = api_url
        self.workers = {name: start_worker(Home(home), api_url, name, 1) for name in ("first", "second")}

    def kill_one(self, alive: list[dict[str, Any]]) -> bool:
        """Kill −9 a worker that is in the middle of a shard, and all that it started, as a power cut would."""
        busy = [told["pid"] for told in alive if told["standing"]["done"] < told["standing"]["total"]]
        for name, worker in self.workers.items():
            group = [worker, *descendants(worker)]
            if any(pid in group for pid in busy):
                for each in group:
                    os.kill(each, signal.SIGKILL)
                del self.workers[name]
                return True
        return False


@pytest.fixture
def pool(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    for name in ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "1")
    monkeypatch.setenv("OLLAMA_NUM_PARALLEL", str(SLOTS))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with monkeypatch.context() as there:
        there.chdir(ROOT)
        started = Pool(home, up(Home(home), port, lambda _: None, worker_too=False).api_url)
    yield started
    for pid in started.workers.values():
        stop(pid)
    down(Home(home), lambda _: None)


@pytest.fixture
def coordinate(pool: Pool, home: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start the coordinator in a process of its own."""
    started: list[subprocess.Popen] = []
    key = {"PREFECT_API_AUTH_STRING": key_file(home).read_text()}

    def start(**parameters: Any) -> subprocess.Popen:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", COORDINATOR, json.dumps(parameters)],
                env={**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_API_URL": pool.api_url, **key},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_until(true: Callable[[], bool]) -> None:
    """Poll; what does not happen ends with the test's time."""
    while not true():
        time.sleep(0.02)


def run_id(home: Path) -> str:
    """The only run of the home."""
    (found,) = home.glob("runs/*/run.json")
    return found.parent.name


def test_killed_worker_and_coordinator(pool, coordinate, model_server, questions, optiq, home) -> None:
    source = questions(QUESTIONS)
    with source.open("a") as file:
        file.write('q3,"The same id again"\n')
    server = model_server("--delay", "0.2")
    planning = {"server": "ollama", "server_url": server.url, "weights": "qoa=1", "max_operations": 2}
    parameters = {**planning, "file": "questions.csv", "output": "answers.csv", "chunk_size": CHUNK}
    parameters |= {"shards": SHARDS, "max_total_cost": 1.0, "silence": 15.0}

    first = coordinate(**parameters)
    wait_until(lambda: server.answered() > 20)
    first.kill()
    second = coordinate(**parameters)
    wait_until(lambda: server.answered() > QUESTIONS // 2)
    signs = f"runs/{run_id(home)}/shards/*/alive"
    wait_until(lambda: pool.kill_one([json.loads(sign.read_text()) for sign in home.glob(signs)]))
    out, err = second.communicate()
    assert second.returncode == 0, err
    summary = json.loads(out.splitlines()[-1])
    assert (summary["answered"], summary["invalid"], summary["failed"]) == (QUESTIONS, 1, 0)
    assert (summary["shards"], summary["restarts"]) == (SHARDS, 1)
    asked = server.answered()

    alone = json.loads(
        optiq(
            *("answer", "questions.csv", "-o", "alone.csv", "--server", "ollama", "--server-url", server.url),
            *("--weights", "qoa=1", "--max-operations", "2", "--no-cache", "--json"),
        ).out
    )
    assert alone["answered"] == QUESTIONS
    same = ["question_id", "status", "answer", "plan", "plan_key", "topics", "predicted_cost_usd"]
    same += ["predicted_latency_s", "predicted_energy_j", "predicted_qoa", "observed_cost_usd", "snapshot_id"]
    answers = pl.read_csv("answers.csv")
    assert answers.select(same).equals(pl.read_csv("alone.csv").select(same))
    assert answers["run_id"].unique().to_list() == [summary["run_id"]]
    assert summary["cost_usd"] == pytest.approx(alone["cost_usd"])

    assert refresh(Home(home), full_gate=False).published
    counted = f"""
        select count(*) as executions, count(distinct question_id) as questions,
            (select count(*) from calls join executions using (execution_id)
             where run_id = '{summary["run_id"]}' and not cached) as calls
        from executions where run_id = '{summary["run_id"]}'
    """
    one = json.loads(optiq("sql", counted, "--json").out)[0]
    assert (one["executions"], one["questions"]) == (QUESTIONS, QUESTIONS)
    assert one["calls"] == summary["calls"]
    # A slot is free for the next call while an answer is written down.
    assert 0 <= asked - summary["calls"] <= 2 * SLOTS, (
        "what was in flight or being written when it was killed"
    )
    listed = json.loads(optiq("runs", "list", "--json").out)
    assert [(run["run_id"], run["status"], run["answered"]) for run in listed[1:]] == [
        (summary["run_id"], "done", QUESTIONS)
    ]
