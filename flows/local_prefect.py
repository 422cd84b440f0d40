"""A local Prefect server with a work pool, all deployments and a worker: what `optiq up` starts.

Everything listens on loopback only, and wants the home's key (:mod:`tasks.prefect_key`). Processes and their logs are
noted in ``<home>/prefect/``, where `optiq down` finds them; the server's database is there too, so that nothing of
the user's own Prefect is touched: none of its variables and profiles reach what is started here. Flow runs have
process groups of their own, so that a worker that was killed leaves them behind: what is started here is known by
its ``PREFECT_HOME``, too.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

import optiq
from flows.command_line.screen import counted
from flows.local_deployments import HEARTBEAT_S, deploy, mark_dead, told, watch_for_dead
from optiq.errors import InputError, OptiqError
from optiq.files.atomic import replacing
from optiq.files.process_identity import ProcessIdentity
from optiq.servers.addresses import past_proxies
from tasks.orchestration import refuse_settings_of_folder
from tasks.prefect_key import VARIABLE, make_key
from warehouse.home import Home

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

POOL = "optiq"
_ROOT = Path(optiq.__file__).parents[1]
_START_S = 600.0
_KEPT = {"PREFECT_LOGGING_LEVEL", "PREFECT_SERVER_LOGGING_LEVEL"}
"""Of the settings that a person made for a Prefect of their own; others might name its database or its profile."""

_COMMANDS = (["-m", "flows.prefect_server"], ["-m", "prefect"], ["-m", "prefect.engine"])
"""How Python is started for the server, a worker or what deploys, and a flow run."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """What `optiq up` started: process ids (each leads a process group) and the server's address.

    ``server`` and ``worker`` tell the processes from others that got their ids since; empty for one not started.
    """

    api_url: str
    server_pid: int
    worker_pid: int
    server: str = ""
    worker: str = ""

    @classmethod
    def of(cls, api_url: str, server_pid: int, worker_pid: int) -> Running:
        """Of processes that run now."""
        named = [str(ProcessIdentity.of(pid) or "") if pid else "" for pid in (server_pid, worker_pid)]
        return cls(api_url, server_pid, worker_pid, *named)

    def alive(self) -> dict[str, int]:
        """The processes that still run and are the ones that were started, by what they are."""
        found = {}
        for name, pid, text in (
            ("worker", self.worker_pid, self.worker),
            ("server", self.server_pid, self.server),
        ):
            known = ProcessIdentity.parse(text)
            if known is not None and known.pid == pid and _alive(pid) and known.is_running():
                found[name] = pid
        return found


def up(home: Home, port: int, say: Say, *, worker_too: bool = True) -> Running:
    """Start server, work pool, deployments and worker; what runs already is left alone.

    One at a time: another `optiq up` or `down` of the home is waited for.

    Raises
    ------
    InputError
        if the port is taken, or a file of the current folder holds settings of Prefect.
    OptiqError
        if a part does not come up; the others are then stopped again.
    """
    refuse_settings_of_folder()
    os.environ.update(past_proxies(os.environ))  # of Prefect's client in this process
    with _turn(home):
        return _up(home, port, say, worker_too)


def _up(home: Home, port: int, say: Say, worker_too: bool) -> Running:
    known = read_running(home)
    if known is not None and len(known.alive()) == 2:
        say(f"already up: {known.api_url.removesuffix('/api')}")
        return known
    _down(home, known, say)
    folder = _folder(home)
    make_key(home.path.resolve())
    listening = _listening(port)
    api_url = f"http://127.0.0.1:{port}/api"
    server = worker = 0
    note = folder / "running.json"
    try:
        say("starting the Prefect server …")
        more = {
            # Its web page otherwise asks port 4200, whatever port the server has.
            "PREFECT_SERVER_UI_API_URL": api_url,
            "PREFECT_SERVER_API_HOST": "127.0.0.1",
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_SERVER_API_AUTH_STRING": make_key(home.path.resolve()),
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": api_url.removesuffix("/api"),
        }
        with listening:
            number = listening.fileno()
            served = ["flows.prefect_server", str(port), str(number)]
            server = _start(home, "server", served, None, more, (number,))
        # At once: if this process is killed while the server starts, `down` and the next `up` still find it.
        _write_down(note, Running.of(api_url, server, 0))
        _wait_until_healthy(api_url, server, folder / "server.log")
        say("making the work pool and the deployments …")
        with told(api_url, make_key(home.path.resolve())) as client:
            for name in mark_dead(client, POOL):
                say(f"the run {name} died with its worker: it is shown as crashed")
            _make_pool(client)
            deploy(client, folder, partial(_prefect, home, api_url))
            watch_for_dead(client)
        if worker_too:
            say("starting a worker …")
            worker = start_worker(home, api_url)
        running = Running.of(api_url, server, worker)
        _write_down(note, running)
    except BaseException:
        for pid in (worker, server):
            stop(pid)
        note.unlink(missing_ok=True)
        raise
    return running


def _write_down(note: Path, running: Running) -> None:
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(asdict(running)), encoding="utf-8")


def start_worker(home: Home, api_url: str, name: str = "worker", limit: int | None = None) -> int:
    """Start one more worker, in a process group of its own; it works on ``limit`` flow runs at once."""
    arguments = ["prefect", "worker", "start", "--pool", POOL, "--name", name]
    arguments += [] if limit is None else ["--limit", str(limit)]
    return _start(home, name, arguments, api_url)


def down(home: Home, say: Say) -> bool:
    """Stop what `optiq up` started and is still there; False if nothing was noted as running."""
    if not _folder(home).is_dir():
        return False
    with _turn(home):
        running = read_running(home)
        return _down(home, running, say) or running is not None


def _down(home: Home, running: Running | None, say: Say) -> bool:
    """Stop what is noted, and then what is not: runs of a worker that was killed, all of a note that was lost."""
    noted = {} if running is None else running.alive()
    for name, pid in noted.items():
        say(f"stopping the {name} …")
        stop(pid)
    left = _started_for(_folder(home))
    if left:
        say(f"stopping {counted(len(left), 'process', 'processes')} that nobody looks after …")
    for pid in left:
        stop(pid)
    (_folder(home) / "running.json").unlink(missing_ok=True)
    return bool(noted or left)


def _started_for(folder: Path) -> list[int]:
    """The leaders of process groups that were started for the home whose Prefect is in ``folder``, and live."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT_HOME") != str(folder) or os.getpgid(process.pid) != process.pid:
                continue
            asked = process.cmdline()[1:]
            if asked[:2] in _COMMANDS and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue  # another person's, or gone by now
    return found


def _turn(home: Home) -> FileLock:
    """Around what starts or stops processes of the home.

    Raises
    ------
    InputError
        if another person's Prefect is in the home: what it is told to run, its owner runs.
    """
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise InputError(
            f"{folder} is another person's, with a Prefect server of their own",
            "Use theirs, or start yours on a home of your own: --perfdb, or $OPTIQ_HOME.",
        )
    folder.chmod(0o700)  # in a shared home, too: who can put a database there says what its owner runs
    return FileLock(folder / "up.lock")


def _make_pool(client: SyncPrefectClient) -> None:
    """The work pool; one that is there stays as a person left it."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists

    with suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))


def read_running(home: Home) -> Running | None:
    """What was started and not stopped, whether or not it is still alive."""
    path = _folder(home) / "running.json"
    try:
        return Running(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _folder(home: Home) -> Path:
    return home.path.resolve() / "prefect"


def _listening(port: int) -> socket.socket:
    """A socket that listens on ``port`` before anybody else can; the server inherits it.

    Were the port only looked at, somebody else could take it before the server does, and be told the key.
    """
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError as fault:
        listening.close()
        why = "is taken" if fault.errno == errno.EADDRINUSE else f"cannot be used: {fault.strerror}"
        raise InputError(f"port {port} of this machine {why}", "Give another one with --port.") from None
    return listening


def _environment(home: Home, api_url: str | None) -> dict[str, str]:
    """Of a Prefect process: none of the user's own Prefect. A server is given no ``api_url``."""
    environment = {
        name: value
        for name, value in past_proxies(os.environ).items()
        if not name.upper().startswith("PREFECT_") or name in _KEPT
    }
    environment |= {
        "PREFECT_HOME": str(_folder(home)),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "OPTIQ_HOME": home.address,
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_S),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), environment.get("PYTHONPATH", "")])),
        # No file of the folder that a process is in takes the place of a module. Those that a person named are found
        # all the same (:mod:`optiq.extensions.own_code`).
        "PYTHONSAFEPATH": "1",
    }
    if api_url is not None:
        environment["PREFECT_API_URL"] = api_url
        environment[VARIABLE] = make_key(home.path.resolve())
    return environment


def _start(
    home: Home,
    name: str,
    arguments: list[str],
    api_url: str | None,
    more: Mapping[str, str] | None = None,
    inherits: tuple[int, ...] = (),
) -> int:
    log_file = _folder(home) / f"{name}.log"
    with log_file.open("ab") as log:
        log_file.chmod(0o600)
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=log_file.parent,
            env={**_environment(home, api_url), **(more or {})},
            pass_fds=inherits,
            start_new_session=True,
            umask=0o077,  # its database, its logs, and what flow runs write
        )
    return process.pid


def _prefect(home: Home, api_url: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=_folder(home),
        env=_environment(home, api_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # found again if this process is killed meanwhile
    )
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())[-300:]
        raise OptiqError(
            f"`prefect {' '.join(arguments)}` failed: {said}", "Its server's log is in the home's prefect/."
        )


def _wait_until_healthy(api_url: str, pid: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{api_url}/health", timeout=2):
                if _alive(pid):
                    return
        except (urllib.error.URLError, OSError):
            if not _alive(pid):
                break
            time.sleep(0.5)
    raise OptiqError("the Prefect server did not come up", f"See {log}.")


def _alive(pid: int) -> bool:
    try:
        done, _ = os.waitpid(pid, os.WNOHANG)  # a child that ended stays until it is waited for
        return done == 0
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def stop(pid: int) -> None:
    """End a process group: politely first, then for good."""
    if pid <= 0:
        return
    for sign, patience_s in ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(pid, sign)
        except (ProcessLookupError, PermissionError):
            return
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not _alive(pid):
                return
            time.sleep(0.1)
