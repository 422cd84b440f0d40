"""A real Prefect server and worker on loopback: `optiq up`, a scheduled deployment run, `optiq down`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import State

from flows.local_prefect import Running, down, read_running, up
from warehouse.home import Home

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def local_prefect(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.chdir(ROOT)
    for name in ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    yield up(Home(home), port, lambda _: None)
    down(Home(home), lambda _: None)


def test_up_runs_the_nightly_refresh_and_down_stops_everything(home: Path, local_prefect: Running) -> None:
    assert up(Home(home), 1, lambda _: None) == local_prefect  # a second `up` leaves things alone
    (home / "landing").mkdir(exist_ok=True)
    with temporary_settings({PREFECT_API_URL: local_prefect.api_url}):
        with get_client(sync_client=True) as client:
            listed = {f"{client.read_flow(one.flow_id).name}/{one.name}" for one in client.read_deployments()}
        assert listed >= {
            "refresh-perfdb/nightly",
            "answer-questions/batch",
            "ingest-priors/priors",
            "ingest-traces/traces",
        }

        def finished(name: str, **parameters: Any) -> State:
            """How a run of a deployment ended on the worker."""
            state = run_deployment(name, parameters=parameters, poll_interval=0.5).state
            assert state is not None
            return state

        priors = str(ROOT / "examples" / "priors.csv")
        landed = finished("ingest-priors/priors", files=[priors], perfdb=str(home))
        assert landed.is_completed(), landed
        assert list((home / "landing").glob("priors-*.parquet"))
        nightly = [sys.executable, "-m", "prefect", "deployment", "run", "refresh-perfdb/nightly"]
        refreshed = subprocess.run(
            [*nightly, "--param", f"perfdb={home}", "--watch"],
            env=os.environ | {"PREFECT_API_URL": local_prefect.api_url},
            capture_output=True,
            text=True,
        )
        assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
        assert not list((home / "landing").glob("priors-*.parquet"))
        broken = finished("refresh-perfdb/nightly", perfdb=f"{home}/nowhere")
        assert broken.is_failed(), broken
        assert "there is no PerfDB" in (broken.message or "")

    assert down(Home(home), lambda _: None)
    assert read_running(Home(home)) is None
    with socket.socket() as probe:
        port = int(local_prefect.api_url.split(":")[2].split("/")[0])
        assert probe.connect_ex(("127.0.0.1", port)) != 0
