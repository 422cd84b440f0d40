"""Clients that we did not write, in an environment of their own, before an endpoint over real small models."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from optiq.configuration import Settings
from optiq.questions.question import Budget
from tasks.serving.run import ServeRequest, listening, open_app
from tests.own_environment import interpreter_of
from warehouse.home import Home
from warehouse.refresh import init

ROOT = Path(__file__).parents[2]
LOCK = Path(__file__).with_name("requirements.lock")
PLACE = ROOT / ".venv-third-party-clients"


@pytest.fixture(scope="session")
def client_python() -> Path:
    """The interpreter of the clients' environment."""
    return interpreter_of(PLACE, LOCK)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`optiq serve` on the embedded models: its address."""
    home = tmp_path_factory.mktemp("clients") / "home"
    init(Home(home))
    settings = Settings(
        home=str(home), server="embedded", models=("smollm2:135m",), prompt="bare", max_operations=1
    )
    request = ServeRequest(settings, Budget(), port=0)
    server = uvicorn.Server(uvicorn.Config(open_app(request, print), log_config=None))
    opened = listening(request)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield f"http://127.0.0.1:{opened.getsockname()[1]}"
    server.should_exit = True
    thread.join(60)


@pytest.fixture
def run(client_python: Path, served: str, tmp_path: Path) -> Callable[..., Any]:
    """``run(program)``: what a program prints, as JSON; it finds the endpoint by the variables of its library."""

    def start(program: str, *arguments: str) -> Any:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        variables = {
            **kept,
            "HOME": str(tmp_path),
            "OPENAI_BASE_URL": f"{served}/v1",
            "OPENAI_API_KEY": "none",
            "OLLAMA_HOST": served,
            "NO_PROXY": "127.0.0.1,localhost",
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_OFFLINE": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "DO_NOT_TRACK": "1",
        }
        command = [str(client_python), "-c", program, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env=variables, cwd=tmp_path, timeout=600
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return start
