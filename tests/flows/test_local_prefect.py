"""A real Prefect server and worker on loopback: `optiq up`, a night to look at, a power cut, `optiq up` again."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule

from flows.local_deployments import as_left
from flows.local_prefect import Running, _listening, down, read_running, stop, up
from optiq.errors import InputError
from optiq.files.process_identity import ProcessIdentity, this_process
from tasks.prefect_key import key_file, make_key, use_key
from tests.optiq.scripted_http import scripted_server
from warehouse.home import Home

ROOT = Path(__file__).parents[2]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def local_prefect(home: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """`optiq up` in a folder that is no checkout."""
    for name in ("PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    with ThreadPoolExecutor(2) as pool:  # twice at once is once
        both = list(pool.map(lambda _: up(Home(home), port, lambda _: None), range(2)))
    assert both[0] == both[1]
    yield both[0]
    down(Home(home), lambda _: None)


@pytest.fixture
def chat() -> Iterator[tuple[str, list[str]]]:
    """An address that takes posts, and what it was told."""
    heard: list[str] = []

    class Chat(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", heard
    server.shutdown()


def wait_until(true: Callable[[], bool]) -> None:
    """Poll; what does not happen ends with the test's time."""
    while not true():
        time.sleep(0.2)


def python(*arguments: str, **environment: str) -> None:
    """Run Python with these arguments, and well."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def processes_below(pid: int) -> list[int]:
    """A process with all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in map(int, children) for found in processes_below(child))]


def status(url: str, **headers: str) -> int:
    """How a GET is answered."""
    asked = urllib.request.Request(
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(asked) as reply:
            return reply.status
    except urllib.error.HTTPError as fault:
        return fault.code


def strangers_get_nothing(api_url: str, key: str, home: Path) -> None:
    """Without the key, under another name or from another page nobody gets in; the key is the owner's alone."""
    path = key_file(home)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(key) > 40
    held = base64.b64encode(key.encode()).decode()
    port = api_url.split(":")[2].split("/")[0]
    url = f"{api_url}/admin/version"
    right = {"Authorization": f"Basic {held}"}
    assert status(url, **right) == status(url, **right, Origin=f"http://localhost:{port}") == 200
    assert status(url) == status(url, Authorization="Basic b3B0aXE6") == 401
    assert (
        status(url, **right, Host="rebound.example")
        == status(url, **right, Host=f"a.127.0.0.1:{port}")
        == 400
    )
    assert status(url, **right, Origin="http://page.example") == status(url, **right, Origin="null") == 403
    for name in ("running.json", "worker.log", "server.log", "prefect.yaml"):
        assert key not in (home / "prefect" / name).read_text(errors="replace")


def test_a_night_on_its_page_and_what_a_power_cut_leaves(
    home: Path, drifting: Path, port: int, local_prefect: Running, chat: tuple[str, list[str]]
) -> None:
    api_url, key = local_prefect.api_url, key_file(home).read_text()
    known = {"PREFECT_API_URL": api_url, "PREFECT_API_AUTH_STRING": key}
    strangers_get_nothing(api_url, key, home)
    assert up(Home(home), 1, lambda _: None) == local_prefect  # a second `up` leaves things alone
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ui-settings") as settings:
        assert json.load(settings)["api_url"] == api_url

    # The recipe of the docs; then a night with a good file, one that cannot be merged, and a model that drifted.
    address, heard = chat
    (recipe,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "nightly.md").read_text(), re.DOTALL)
    python("-c", recipe, CHAT_URL=address, **known)
    run = ["-m", "prefect", "deployment", "run", "refresh-perfdb/nightly", "--watch"]
    python(*run, "--param", f"perfdb={drifting}", **known)
    wait_until(lambda: len(heard) == 2)
    assert sorted(text.split(":")[0] for text in heard) == ["slow", "traces-poison-0.parquet"]

    with SyncPrefectClient(api_url, auth_string=key) as client:
        names = [one.name for one in sorted(client.read_task_runs(), key=lambda one: one.start_time)]
        assert names[:4] == ["land", "copy", "check", "merge"]
        assert names[-3:] == ["gate", "publish", "report"]
        made = sorted(client.read_artifacts(), key=lambda one: one.created)  # Prefect gives them in no order
        artifacts = {one.key: str(one.data) for one in made}
        assert "traces-poison-0.parquet" in artifacts["perfdb-refused"]
        assert "latency +" in artifacts["perfdb-refresh"]
        assert artifacts.keys() >= {"perfdb-gate", "perfdb-learned", "perfdb-drift"}

        # A person pauses; a deployment leaves the file, and another was made by hand; then the power is cut.
        nightly = client.read_deployment_by_name("refresh-perfdb/nightly")
        client.pause_deployment(nightly.id)
        entrypoint = "flows.ingest.ingest_priors"
        for name in ("of-old", "by-hand"):
            flow = client.read_deployment_by_name("ingest-priors/priors").flow_id
            client.create_deployment(flow, name, entrypoint=entrypoint, work_pool_name="optiq")
        note = home / "prefect" / "deployed.json"
        note.write_text(json.dumps([*json.loads(note.read_text()), "ingest_priors/of-old"]))
        (home / "landing").mkdir(exist_ok=True)
        begun = client.create_flow_run_from_deployment(
            client.read_deployment_by_name("ingest-priors/priors").id,
            parameters={"files": ["examples/priors.csv"]},
        )
        wait_until(lambda: client.read_flow_run(begun.id).infrastructure_pid is not None)
    for pid in [*processes_below(local_prefect.worker_pid), *processes_below(local_prefect.server_pid)]:
        os.kill(pid, signal.SIGKILL)
    for pid in (local_prefect.worker_pid, local_prefect.server_pid):
        os.waitpid(pid, 0)

    said: list[str] = []
    again = up(Home(home), port, said.append)
    assert any("shown as crashed" in line for line in said)
    with SyncPrefectClient(again.api_url, auth_string=key) as client:
        state = client.read_flow_run(begun.id).state
        assert state is not None
        assert state.is_crashed()
        assert client.read_deployment_by_name("refresh-perfdb/nightly").paused
        left = {one.name for one in client.read_deployments()}
    assert {"nightly", "batch", "policies", "by-hand"} <= left
    assert "of-old" not in left
    assert down(Home(home), lambda _: None)
    assert read_running(Home(home)) is None
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_an_up_that_is_ended_while_the_server_starts_leaves_none_that_down_does_not_find(
    home: Path, port: int, sign: signal.Signals
) -> None:
    command = [sys.executable, "-m", "flows.command_line.main", "up", "--port", str(port)]
    starting = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    wait_until(lambda: read_running(Home(home)) is not None)
    begun = read_running(Home(home))
    assert begun is not None
    try:
        assert list(begun.alive()) == ["server"]  # noted before there is a worker
        starting.send_signal(sign)
        assert starting.wait(60) == (130 if sign == signal.SIGTERM else -sign)
        if sign == signal.SIGKILL:
            said: list[str] = []
            assert down(Home(home), said.append)
            assert said == ["stopping the server …"]
        assert not begun.alive()
        assert read_running(Home(home)) is None
        assert not down(Home(home), lambda _: None)
    finally:
        for pid in begun.alive().values():
            stop(pid)


def test_no_other_prefect_proxy_or_file_of_the_folder_has_a_say_and_a_lost_note_loses_nobody(
    home: Path, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person's environment and the current folder hold is for others than what `optiq up` starts."""
    with scripted_server() as proxy:
        theirs = {
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{tmp_path}/theirs.db",
            "PREFECT_SERVER_API_BASE_PATH": "/elsewhere",
            "PREFECT_PROFILES_PATH": str(tmp_path / "profiles.toml"),
            "http_proxy": proxy.url,
            "HTTP_PROXY": proxy.url,
        }
        (tmp_path / "profiles.toml").write_text("no profile")
        for name in ("flows", "yaml", "httpx", "uvicorn"):
            (tmp_path / f"{name}.py").write_text("open('imported', 'w').close()\nraise ImportError('mine')\n")
        for name, value in theirs.items():
            monkeypatch.setenv(name, value)
        running = up(Home(home), port, lambda _: None)
        try:
            assert not proxy.requests
            assert not (tmp_path / "theirs.db").exists()
            assert not (tmp_path / "imported").exists()
            assert (home / "prefect" / "prefect.db").exists()
            (home / "prefect" / "running.json").unlink()
            said: list[str] = []
            assert down(Home(home), said.append)
            assert said == ["stopping 2 processes that nobody looks after …"]
            assert not running.alive()
        finally:
            for pid in running.alive().values():
                stop(pid)


def test_nobody_takes_the_port_between_the_look_and_the_server(port: int) -> None:
    with _listening(port), pytest.raises(InputError, match=f"port {port} of this machine is taken"):
        _listening(port)


def test_who_else_may_write_a_shared_home_does_not_say_what_its_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "prefect"
    folder.mkdir()
    folder.chmod(0o777)
    assert not down(Home(tmp_path), lambda _: None)
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    for start_or_stop in (down, partial(up, port=9)):
        with pytest.raises(InputError, match="is another person's"):
            start_or_stop(Home(tmp_path), say=lambda _: None)


@pytest.mark.parametrize(
    "note", ["", "[]", '{"api_url": 1}', '{"api_url": "x", "server_pid": -1, "worker_pid": -1}', "NaN"]
)
def test_a_note_that_is_none_stops_nobody(tmp_path: Path, note: str) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "running.json").write_text(note)
    down(Home(tmp_path), lambda _: None)
    assert read_running(Home(tmp_path)) is None
    (tmp_path / "prefect" / "running.json").write_text(
        json.dumps(
            {"api_url": "x", "server_pid": -1, "worker_pid": 0, "server": f"{socket.gethostname()} -1 0"}
        )
    )
    assert down(Home(tmp_path), lambda _: None)
    assert read_running(Home(tmp_path)) is None


@pytest.mark.parametrize(
    "written", ["an hour ago", "without a time", "for another pid", "on another machine"]
)
def test_a_stale_note_signals_nobody(tmp_path: Path, written: str) -> None:
    """The pids of what was started once are those of somebody else's processes now."""
    other = subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()"],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert other.stdout is not None
    other.stdout.readline()
    now = Running.of("http://127.0.0.1:9/api", other.pid, other.pid)
    identity = ProcessIdentity.parse(now.server)
    assert identity is not None
    told = {
        "an hour ago": str(replace(identity, started_s=identity.started_s - 3600)),
        "without a time": "",
        "for another pid": str(replace(identity, pid=identity.pid + 1)),
        "on another machine": str(replace(identity, host="elsewhere")),
    }[written]
    folder = tmp_path / "prefect"
    folder.mkdir()
    (folder / "running.json").write_text(json.dumps(asdict(replace(now, server=told, worker=told))))
    said: list[str] = []
    assert down(Home(tmp_path), said.append)
    assert (said, other.poll()) == ([], None)
    assert read_running(Home(tmp_path)) is None
    (folder / "running.json").write_text(json.dumps(asdict(replace(now, worker_pid=0, worker=""))))
    assert down(Home(tmp_path), said.append)
    assert said == ["stopping the server …"]
    assert other.wait(30) is not None


def test_the_key_is_made_once_and_given_to_the_own_server_only(tmp_path: Path, monkeypatch) -> None:
    old = os.umask(0)
    try:
        with ThreadPoolExecutor(8) as pool:
            keys = set(pool.map(lambda _: make_key(tmp_path), range(8)))
    finally:
        os.umask(old)
    assert len(keys - {""}) == 1
    assert key_file(tmp_path).stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("OPTIQ_HOME", str(tmp_path))
    running, gone = str(this_process()), str(replace(this_process(), started_s=1.0))
    for url, server, lent in (
        ("http://127.0.0.1:4200/api", running, True),
        ("http://127.0.0.1:4200/api", gone, False),  # who listens there now is somebody else
        ("http://127.0.0.1:4201/api", running, False),
        ("https://x/api", running, False),
    ):
        told = {"api_url": "http://127.0.0.1:4200/api", "server": server}
        (tmp_path / "prefect" / "running.json").write_text(json.dumps(told))
        monkeypatch.setenv("PREFECT_API_URL", url)
        monkeypatch.delenv("PREFECT_API_AUTH_STRING", raising=False)
        use_key()
        assert ("PREFECT_API_AUTH_STRING" in os.environ) == lent


@pytest.mark.parametrize(
    ("paused", "active", "cron", "left"),
    [
        (False, [True], "30 2 * * *", (None, True)),
        (True, [True], "30 2 * * *", (True, True)),
        (False, [False], "30 2 * * *", (None, False)),
        (False, [False], "0 4 * * *", (None, False)),  # the file has another time now
        (False, [True], "0 4 * * *", (None, True)),
        (False, [], "30 2 * * *", (None, True)),
    ],
)
def test_what_a_person_paused_stays_paused(paused: bool, active: list[bool], cron: str, left: Any) -> None:
    class Known:
        """What the server says of a deployment."""

        def __init__(self) -> None:
            self.paused = paused
            schedule = CronSchedule(cron="30 2 * * *")
            self.schedules = [DeploymentSchedule(schedule=schedule, active=one) for one in active]

    wanted = {
        "deployments": [
            {"name": "nightly", "entrypoint": "flows.a.night", "schedules": [{"cron": cron, "active": True}]},
            {"name": "new", "entrypoint": "flows.a.other"},
        ]
    }
    there: Any = {"night/nightly": Known()}
    nightly, new = as_left(wanted, there)["deployments"]
    assert (nightly.get("paused"), nightly["schedules"][0]["active"]) == left
    assert new == wanted["deployments"][1]


def test_a_night_without_a_server_can_fail_on_drift(drifting: Path, optiq: Any) -> None:
    night = optiq("refresh", "--perfdb", drifting, "--fail-on-drift")
    assert night.code == 1
    assert "is published, but models have drifted" in night.err
    assert "set aside: traces-poison-0.parquet" in night.out
    assert "drifted: slow: latency +" in night.out
    assert pl.read_parquet(drifting / "landing" / "refused" / "traces-poison-0.parquet").height == 3
    assert optiq("refresh", "--perfdb", drifting, "--fail-on-drift").code == 0  # nothing new has drifted
