"""`optiq serve` as a process: it says where it listens, and ends in good order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from benchmarks.model_server import Behaviour
from optiq.endpoint.keys import Keys
from tests.flows.serve.conftest import MODELS, model_server
from tests.flows.serve.reading import landed
from warehouse.home import Home

BODY = {"model": "phi4:14b", "messages": [{"role": "user", "content": "Why?"}]}


@pytest.mark.parametrize(("patience_s", "status"), [(30, 200), (0, None)])
def test_what_is_in_flight_is_finished_or_recorded(home: Path, patience_s: int, status: int | None) -> None:
    behaviour = Behaviour([*MODELS], delay_s=2.0)
    Keys(home / "serving" / "keys.json").add("unused", max_cost_per_day=1.0)
    (home / "serving" / "keys.json").unlink()
    with model_server(behaviour) as url:
        command = [sys.executable, "-m", "flows.command_line.main", "serve", "--server", "openai"]
        command += ["--server-url", f"{url}/v1", "--port", "0", "--shutdown-timeout", str(patience_s)]
        environment = {**os.environ, "OPTIQ_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert process.stderr is not None
        said = next(line for line in process.stderr if "serving on" in line)
        address = re.findall(r"http://127\.0\.0\.1:\d+", said)[-1]
        replies: list[int | None] = []

        def ask() -> None:
            with httpx.Client(trust_env=False, timeout=60) as client:
                try:
                    replies.append(client.post(f"{address}/v1/chat/completions", json=BODY).status_code)
                except httpx.HTTPError:
                    replies.append(None)

        asking = threading.Thread(target=ask)
        asking.start()
        while not behaviour.in_flight:
            assert process.poll() is None
            assert not replies
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        asking.join(60)
        assert process.wait(60) in (0, -signal.SIGTERM)
        assert "leaked" not in process.stderr.read()
    rows = landed(Home(home))
    assert rows["status"].to_list() == ["answered" if status == 200 else "failed"]
    assert replies[0] == 200 if status == 200 else replies[0] != 200
    assert not list((home / "serving" / "journal").glob("*.jsonl"))
