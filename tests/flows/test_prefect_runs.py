"""The same wiring as Prefect flow runs: on a real (temporary) Prefect server, with real models."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from warehouse.home import Home
from warehouse.ingest import ingest_traces


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[None]:
    """One temporary Prefect server for the module."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


def questions(folder: Path) -> Path:
    """Three questions, one of them unusable."""
    source = folder / "three.jsonl"
    texts = ["What is the capital of France?", "", "What is the chemical symbol for gold?"]
    source.write_text("".join(json.dumps({"question": text}) + "\n" for text in texts))
    return source


def test_a_flow_run_does_what_the_direct_run_does(home: Path, tmp_path: Path, prefect_server: None) -> None:
    from flows.answer_questions import answer_questions
    from flows.refresh_perfdb import refresh_perfdb

    source = questions(tmp_path)
    parameters = {"file": str(source), "perfdb": str(home), "server": "embedded", "chunk_size": 2}
    direct = answer_questions.fn(output=str(tmp_path / "direct.parquet"), **parameters)
    flown = answer_questions(output=str(tmp_path / "flown.parquet"), **parameters)
    same = ["question_id", "status", "answer", "plan_key"]
    answers = {name: pl.read_parquet(tmp_path / f"{name}.parquet") for name in ("direct", "flown")}
    assert answers["flown"].select(same).equals(answers["direct"].select(same))
    assert flown["answered"] == direct["answered"] == 2
    assert flown["invalid"] == 1

    report = refresh_perfdb(perfdb=str(home))
    assert report["n_executions_new"] == 4
    assert sorted(artifact_keys()) == ["perfdb-gate", "perfdb-learned", "perfdb-refresh"]


def test_a_step_that_fails_is_seen_as_that_step(
    home: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.refresh_perfdb import refresh_perfdb
    from optiq.errors import GateError
    from warehouse import chemistry, gate
    from warehouse.check_result import CheckResult

    def breaks(connection: Any) -> bool:
        if connection.execute("select 1 from executions").fetchall():
            raise ZeroDivisionError("nobody thought of this")
        return False

    with monkeypatch.context() as faulty:
        faulty.setattr(chemistry, "recompute_chemistry", breaks)
        poison = land(home, "poison")
        assert list(refresh_perfdb(perfdb=str(home))["refused"]) == [poison]
    steps = task_runs()
    first = ["land", "copy", "check", "merge", "drift", "statistics", "topics"]
    after = ["chemistry", "levels", "neighbours", "gate", "publish", "report"]
    assert [name for name, _ in steps] == [*first, "chemistry", "file at fault", *first[1:], *after]
    assert [name for name, state in steps if state != "COMPLETED"] == ["chemistry"]

    monkeypatch.setattr(gate, "run_checks", lambda connection, full: [CheckResult("made_up", "sql", 2)])
    land(home, "good")
    with pytest.raises(GateError, match="not published"):
        refresh_perfdb(perfdb=str(home))
    steps = task_runs()
    assert steps[-3:] == [("gate", "FAILED"), ("file at fault", "COMPLETED"), ("report", "COMPLETED")]
    # Prefect gives artifacts in no order: the gate of the night before is among them.
    assert any("made_up" in str(one.data) for one in artifacts() if one.key == "perfdb-gate")


def test_an_evaluation_leaves_its_summary_its_table_and_where_its_page_is(
    home: Path, tmp_path: Path, prefect_server: None
) -> None:
    from flows.evaluate_policies import evaluate_policies

    rows = [
        {
            "question_id": f"q{i}",
            "question": f"What is {i} + {i}?",
            "plan": {"models": [model], "edges": []},
            "cost_usd": cost,
            "qoa": qoa,
        }
        for i in range(12)
        for model, cost, qoa in (("small:1b", 1e-6, 0.4), ("large|9b", 4e-6, 0.8))
    ]
    traces = tmp_path / "traces.jsonl"
    traces.write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = tmp_path / "page.html"
    given = {"traces": [str(traces)], "policies": ["single:large|9b", "oracle"], "embedding": False}
    flown = evaluate_policies(report=str(page), **given)
    assert evaluate_policies.fn(**given)["lines"] == flown["lines"]
    assert page.exists()
    found = {str(one.key): str(one.data) for one in artifacts()}
    assert "oracle *(hindsight: a bound, no result)*" in found["policy-evaluation-summary"]
    assert "single:large\\|9b" in found["policy-evaluation-summary"]
    assert "single:large|9b" in found["policy-evaluation"]
    assert page.as_uri() in found["policy-evaluation-report"]


def land(home: Path, name: str) -> str:
    """Land an execution; returns the landed file's name."""
    source = home.parent / f"{name}.jsonl"
    row = {
        "execution_id": name,
        "question": "How many?",
        "plan": {"models": ["smollm2:135m"], "edges": []},
        "cost_usd": 1e-4,
    }
    source.write_text(json.dumps(row) + "\n")
    before = set(home.glob("landing/*.parquet"))
    ingest_traces(Home(home), [source])
    (landed,) = set(home.glob("landing/*.parquet")) - before
    return landed.name


def task_runs() -> list[tuple[str, str]]:
    """Names and states of the task runs of the latest flow run, in the order of their start."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort

    with get_client(sync_client=True) as client:
        (latest,) = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)
        while True:  # they are recorded in the background
            found = [one for one in client.read_task_runs() if one.flow_run_id == latest.id]
            if any(one.name == "report" and one.state_name == "Completed" for one in found):
                break
            time.sleep(0.2)
    found.sort(key=lambda one: one.start_time)
    return [(one.name, one.state_type.value) for one in found]


def artifact_keys() -> list[str]:
    """Keys of all artifacts on the server."""
    return [str(artifact.key) for artifact in artifacts()]


def artifacts() -> list[Any]:
    """All artifacts on the server."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return sorted(client.read_artifacts(), key=lambda one: one.created)
