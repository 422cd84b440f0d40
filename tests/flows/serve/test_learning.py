"""What requests teach: traces, feedback, and snapshots that are taken up while requests go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.flows.serve.reading import landed, lines_of
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.refresh import refresh

USER = {"role": "user", "content": "What is the capital of Norway?"}


def test_every_request_lands_and_is_learned_from(serve) -> None:
    with serve() as endpoint:
        first = endpoint.ask().json()["optiq"]
        list(endpoint.events(model="phi4:14b", messages=[USER]))
        for given in ({"thumbs": "up"}, {"score": 0.25}):  # the later one counts
            reply = endpoint.client.post(
                "/v1/feedback", json={"execution_id": first["execution_id"], **given}
            )
            assert reply.status_code == 200, reply.json()
        assert len(lines_of(endpoint.home)) == 4  # on disk before anybody asks
    rows = landed(endpoint.home)
    assert rows["status"].to_list() == ["answered"] * 2
    assert rows["question"].to_list() == [USER["content"]] * 2
    assert rows["plan_key"].to_list() == ["1:0:gemma3:27b+bare", "1:0:phi4:14b+bare"]
    assert lines_of(endpoint.home) == []
    refresh(endpoint.home, full_gate=False)
    with duckdb.connect(str(endpoint.home.perfdb), read_only=True) as perfdb:
        found = perfdb.sql("select execution_id, qoa from executions order by started_at").fetchall()
        assert found == [(first["execution_id"], 0.25), (rows["execution_id"][1], None)]
        seen = perfdb.sql(
            "select plan_key from plan_statistics where n_observations > 0 and topic = '*'"
        ).fetchall()
        assert {key for (key,) in seen} == {"1:0:gemma3:27b+bare", "1:0:phi4:14b+bare"}
        assert perfdb.sql("select count(*) from quarantine").fetchall() == [(0,)]


@pytest.mark.parametrize("store", ["no", "hash"])
def test_texts_are_stored_only_if_that_is_wanted(serve, store) -> None:
    secret = "Is my password swordfish?"
    with serve(store_text=store) as endpoint:
        for _ in range(2):
            answer = endpoint.ask(secret, optiq={"store": "yes"}).json()["choices"][0]["message"]["content"]
        endpoint.ask("Something else", optiq={"store": "no"})
        endpoint.behaviour.errors = 1.0
        endpoint.ask(secret, model="phi4:14b")
    for path in endpoint.home.path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"swordfish" not in content, path
            assert answer.encode() not in content, path
    rows = landed(endpoint.home)
    assert rows["question"].null_count() == rows["answer"].null_count() == 4
    assert rows["cost_usd"].null_count() <= 1
    names = rows["question_id"].to_list()
    if store == "hash":  # the same question is known as one, and nobody can tell which
        assert names[0] == names[1] == names[3]
        assert names[0].startswith("hash-")
        assert not names[2].startswith("hash-")
    else:
        assert len(set(names)) == 4
    refresh(endpoint.home, full_gate=False)
    with duckdb.connect(str(endpoint.home.perfdb), read_only=True) as perfdb:
        assert perfdb.sql("select count(*) from executions where status = 'answered'").fetchall() == [(3,)]


def test_feedback_by_a_reference_and_what_is_no_feedback(served) -> None:
    name = served.ask("What is 2 + 3?").json()["optiq"]["execution_id"]
    reply = served.client.post("/v1/feedback", json={"execution_id": name, "reference": "5"})
    assert reply.status_code == 200
    assert 0 <= reply.json()["qoa"] < 0.5  # its answer is no figure
    for body, status in (
        ({}, 400),
        ({"execution_id": name}, 400),
        ({"execution_id": name, "score": 2}, 400),
        ({"execution_id": name, "score": "1"}, 400),
        ({"execution_id": name, "score": True}, 400),
        ({"execution_id": name, "thumbs": "sideways"}, 400),
        ({"execution_id": name, "score": 1, "thumbs": "up"}, 400),
        ({"execution_id": name, "reference": ""}, 400),
        ({"execution_id": name, "mark": 1}, 400),
        ({"execution_id": 5, "score": 1}, 400),
        ({"execution_id": "nobody", "score": 1}, 404),
    ):
        reply = served.client.post("/v1/feedback", json=body)
        assert reply.status_code == status, (body, reply.json())
        assert reply.json()["error"]["message"]


def learn_something(home: Home, number: int) -> None:
    """Publish a snapshot with one execution more."""
    plan, calls = {"models": ["phi4:14b+bare"], "edges": []}, [{"node": 0, "model": "phi4:14b+bare"}]
    row = {"execution_id": f"e{number}", "plan": plan, "cost_usd": 1e-5, "latency_s": 1.0, "calls": calls}
    file = home.path.parent / f"more-{number}.jsonl"
    file.write_text(json.dumps(row) + "\n")
    ingest_traces(home, [file])
    refresh(home, full_gate=False)


def test_a_new_snapshot_is_taken_up_without_a_request_failing(serve) -> None:
    with serve() as endpoint, ThreadPoolExecutor(4) as clients:
        endpoint.behaviour.delay_s = 0.02
        statuses: Counter[int] = Counter()
        snapshots: set[str] = set()
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                reply = endpoint.ask()
                statuses[reply.status_code] += 1
                snapshots.add(reply.json()["optiq"]["snapshot_id"])

        asking = [clients.submit(ask) for _ in range(4)]
        try:
            for number in (2, 3):
                learn_something(endpoint.home, number)
                endpoint.until(lambda n=number: any(name.startswith(f"{n:06d}") for name in list(snapshots)))
        finally:
            over.set()
        for one in asking:
            one.result()
        assert set(statuses) == {200}
        assert len(snapshots) >= 3
        assert "optiq_snapshots_total 2.0" in endpoint.client.get("/metrics").text


def test_what_cannot_be_taken_up_leaves_the_old_snapshot(serve) -> None:
    with serve() as endpoint:
        before = endpoint.ask().json()["optiq"]["snapshot_id"]
        good = endpoint.home.perfdb.read_bytes()
        spoiled = endpoint.home.path / "spoiled"
        spoiled.write_bytes(b"no database")
        spoiled.replace(endpoint.home.perfdb)
        endpoint.until(lambda: any("not taken up" in note for note in endpoint.notes))
        assert endpoint.ask().json()["optiq"]["snapshot_id"] == before
        spoiled.write_bytes(good)
        spoiled.replace(endpoint.home.perfdb)
        endpoint.until(lambda: "optiq_snapshots_total 1.0" in endpoint.client.get("/metrics").text)


def test_a_killed_server_loses_nothing_that_was_answered(fresh_home: Path, tmp_path: Path, serve) -> None:
    """Killed with −9 while it answers; the next one lands what it left."""
    with serve() as endpoint:
        home, url = endpoint.home, endpoint.url
        assert url
    script = tmp_path / "server.py"
    script.write_text(
        "import sys, uvicorn, threading\n"
        "from benchmarks.model_server import Behaviour\n"
        "from tests.flows.serve.conftest import MODELS, model_server, running\n"
        "from pathlib import Path\n"
        "behaviour = Behaviour(MODELS)\n"
        "with model_server(behaviour) as url, running(Path(sys.argv[1]), url, behaviour) as endpoint:\n"
        "    for n in range(int(sys.argv[2])):\n"
        "        print(endpoint.ask(f'Question {n}?').json()['optiq']['execution_id'], flush=True)\n"
        "    threading.Event().wait()\n"
    )
    command = [sys.executable, str(script), str(home.path), "25"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    answered = [process.stdout.readline().strip() for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(lines_of(home)) + (landed(home).height if list(home.landing.glob("*.parquet")) else 0) >= 25
    with serve() as endpoint:
        endpoint.until(lambda: any("landed" in note for note in endpoint.notes))
    rows = landed(home)
    assert sorted(rows["execution_id"]) == sorted(set(answered))
    assert isinstance(rows["started_at"].dtype, pl.Datetime)
