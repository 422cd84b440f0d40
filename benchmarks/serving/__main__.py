"""What `optiq serve` adds to a model server, and what it loses.

python -m benchmarks.serving                        # all tables, short: some minutes
python -m benchmarks.serving latency --seconds 20   # against the model server itself, 32 clients and fixed rates
python -m benchmarks.serving latency --processes 2  # two of ours on one home
python -m benchmarks.serving latency --litellm PATH # and against LiteLLM's proxy, of an environment that has it
python -m benchmarks.serving memory --requests 100000
python -m benchmarks.serving kills --runs 3         # killed with -9 under load: traces lost, spend over the limit
python -m benchmarks.serving swaps --snapshots 20   # snapshots published under load: requests that failed
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MODEL = "phi4:14b"
DELAY_S = 0.05
CLIENTS = 32


@contextmanager
def process(command: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    started = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def model_server(delay_s: float = DELAY_S) -> Iterator[str]:
    """Its base URL."""
    command = [sys.executable, str(ROOT / "benchmarks" / "model_server.py"), "--models", MODEL]
    with process([*command, "--delay", str(delay_s)]) as started:
        assert started.stdout is not None
        yield f"http://127.0.0.1:{started.stdout.readline().strip()}/v1"


@contextmanager
def endpoint(home: Path, url: str, *flags: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`optiq serve`: its base URL and its process."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "flows.command_line.main",
        "serve",
        "--perfdb",
        str(home),
        "--server",
        "openai",
    ]
    command += ["--server-url", url, "--port", str(port), "--models", MODEL, "--max-operations", "1", *flags]
    with process(command, OPTIQ_OPENAI_MODEL_SLOTS="256") as started:
        wait_for(f"http://127.0.0.1:{port}/readyz")
        yield f"http://127.0.0.1:{port}/v1", started


@contextmanager
def litellm(python: str, url: str) -> Iterator[str]:
    """LiteLLM's proxy before the model server, of an environment that has it: its base URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        model = {
            "model_name": MODEL,
            "litellm_params": {"model": f"openai/{MODEL}", "api_base": url, "api_key": "none"},
        }
        config.write_text(json.dumps({"model_list": [model]}))
        program = str(Path(python).with_name("litellm"))
        command = [
            program,
            "--config",
            str(config),
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
            "--num_workers",
            "1",
        ]
        variables = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
            "PYTHONPATH": "",
        }
        with process(command, **variables):
            wait_for(f"http://127.0.0.1:{port}/health/liveliness", 180)
            yield f"http://127.0.0.1:{port}/v1"


def wait_for(url: str, seconds: float = 60.0) -> None:
    """Until it answers well."""
    deadline = time.monotonic() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_load(url: str, model: str, *flags: str) -> subprocess.Popen[str]:
    """The clients, in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.serving.load", url, "--model", model, *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def seen(load: subprocess.Popen[str]) -> dict[str, Any]:
    """What the clients saw."""
    assert load.stdout is not None
    found: dict[str, Any] = json.loads(load.stdout.read())
    load.wait()
    return found


def quantile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def made_home(folder: Path) -> Path:
    """A home with published figures."""
    from warehouse.home import Home
    from warehouse.refresh import init

    init(Home(folder / "home"))
    return folder / "home"


def latency(seconds: float, loads: list[str], litellm_python: str | None, rounds: int, n: int) -> None:
    """Each in turns, so that what else the machine does troubles all alike; figures are medians of the turns.

    ``loads`` are numbers of clients, or rates such as ``50/s``; ``n`` processes of ours on one home share the load.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(model_server())
        home = made_home(folder)
        ours = [stack.enter_context(endpoint(home, url)) for _ in range(n)]
        places = {"model server itself": ([url], MODEL), "optiq serve": ([one for one, _ in ours], "optiq")}
        if litellm_python:
            places["litellm proxy"] = ([stack.enter_context(litellm(litellm_python, url))], MODEL)
        for where, model in places.values():
            together(where, model, 2.0, "8")
        for wanted in loads:
            figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in places}
            for _ in range(rounds):
                for name, (where, model) in places.items():
                    before = sum(cpu_seconds(one.pid) for _, one in ours)
                    taken, wall_s = together(where, model, seconds / rounds, wanted)
                    cpu_ms = 1000 * (sum(cpu_seconds(one.pid) for _, one in ours) - before) / len(taken)
                    rate = len(taken) / wall_s
                    figures[name].append((rate, quantile(taken, 0.5), quantile(taken, 0.99), cpu_ms))
            middle = {
                name: [sorted(column)[len(column) // 2] for column in zip(*rows, strict=True)]
                for name, rows in figures.items()
            }
            base = middle["model server itself"]
            what = f"{wanted} requests" if "/" in wanted else f"{wanted} clients"
            print(
                f"{what}, {n} process(es), an answer in {DELAY_S * 1000:.0f} ms, medians of {rounds} turns; "
                f"{middle['optiq serve'][3]:.2f} ms of CPU a request"
            )
            for name, (rate, half, most, _) in middle.items():
                print(
                    f"  {name:20s} {rate:6.0f} requests/s   p50 {half:7.1f} ms (+{half - base[1]:.1f})"
                    f"   p99 {most:7.1f} ms (+{most - base[2]:.1f})",
                    flush=True,
                )
            if litellm_python:
                times = middle["optiq serve"][0] / middle["litellm proxy"][0]
                print(f"  times litellm's requests per second: {times:.1f}")


def together(urls: list[str], model: str, seconds: float, wanted: str) -> tuple[list[float], float]:
    """Seconds of each answer, and how long all took; the load is shared evenly by ``urls``."""
    rate = float(wanted.removesuffix("/s")) / len(urls) if "/" in wanted else 0.0
    each = ("--rate", str(rate)) if rate else ("--clients", str(max(int(wanted) // len(urls), 1)))
    found = [seen(load) for load in [start_load(u, model, "--seconds", str(seconds), *each) for u in urls]]
    for one in found:
        assert set(one["statuses"]) == {"200"}, one["statuses"]
    return [taken for one in found for taken in one["seconds"]], max(one["wall_s"] for one in found)


def memory(requests: int, clients: int) -> None:
    """Resident memory while requests are answered."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(model_server(0.0))
        ours, served = stack.enter_context(endpoint(made_home(folder), url))
        print(f"{requests} requests, {clients} clients; resident MB and CPU ms per request after so many:")
        done, step = 0, max(requests // 10, 1)
        while done < requests:
            cpu_s = cpu_seconds(served.pid)
            flags = ("--most", str(step), "--seconds", "9999", "--clients", str(clients))
            found = seen(start_load(ours, "optiq", *flags))
            asked = sum(found["statuses"].values())
            done += asked
            each = 1000 * (cpu_seconds(served.pid) - cpu_s) / asked
            size = resident_mb(served.pid)
            print(f"  {done:7d}  {size:6.0f} MB  {each:5.2f} ms   {dict(found['statuses'])}", flush=True)


def cpu_seconds(pid: int) -> float:
    """What a process has taken, threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def kills(runs: int, clients: int) -> None:
    """Killed with -9 under load; what answered requests left, and what the key has spent against its limit."""
    import polars as pl

    from optiq.endpoint.keys import Keys

    lost = over = answered = 0
    with tempfile.TemporaryDirectory() as name, model_server() as url:
        home = made_home(Path(name))
        limit = 2e-4
        keys = Keys(home / "serving" / "keys.json")
        secret, free = keys.add("limited", max_cost_per_day=limit), keys.add("free")
        executions: set[str] = set()
        spent = 0.0
        for run in range(runs):
            with endpoint(home, url) as (ours, process_):
                over_now = Path(name) / f"over-{run}"
                flags = ("--seconds", "999", "--until", str(over_now), "--clients", str(clients))
                loads = [start_load(ours, "optiq", "--key", key, *flags) for key in (secret, free)]
                deadline = time.monotonic() + 120
                while answered_by(ours, free) < 200 + 37 * run and time.monotonic() < deadline:
                    time.sleep(0.1)
                process_.send_signal(signal.SIGKILL)
                process_.wait()
                over_now.touch()
                for load, costs in zip(loads, (True, False), strict=True):
                    found = seen(load)
                    executions |= set(found["executions"])
                    spent += found["cost_usd"] if costs else 0.0
        with endpoint(home, url):
            time.sleep(1)
        landed = pl.read_parquet(home / "landing" / "traces-*.parquet")
        answered = len(executions)
        lost = len(executions - set(landed["execution_id"]))
        over = max(spent - limit, 0.0)
        twice = landed.height - landed["execution_id"].n_unique()
    print(
        f"killed with -9 under load {runs} times: {answered} requests answered, {lost} traces lost, {twice} twice;"
    )
    print(
        f"  of {limit:g} USD a day {spent:.3g} were spent by answers that were seen: {over:g} over the limit"
    )


def answered_by(url: str, key: str) -> int:
    """How many requests the endpoint has answered since it began."""
    asked = urllib.request.Request(url.replace("/v1", "/metrics"), headers={"Authorization": f"Bearer {key}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=60) as page:
        lines = page.read().decode().splitlines()
    wanted = ("optiq_requests_total{", 'status="200"')
    return sum(int(float(line.split()[-1])) for line in lines if all(part in line for part in wanted))


def swaps(snapshots: int, clients: int) -> None:
    """Snapshots published while requests go on."""
    from warehouse.home import Home
    from warehouse.ingest import ingest_traces
    from warehouse.refresh import refresh

    with tempfile.TemporaryDirectory() as name, model_server() as url:
        home = made_home(Path(name))
        with endpoint(home, url) as (ours, _):
            found: list[dict[str, Any]] = []
            load = start_load(
                ours,
                "optiq",
                "--seconds",
                "9999",
                "--until",
                str(Path(name) / "over"),
                "--clients",
                str(clients),
            )
            reading = threading.Thread(target=lambda: found.append(seen(load)))
            reading.start()
            for number in range(snapshots):
                served_name = f"{MODEL}+bare"
                row = {
                    "execution_id": f"e{number}",
                    "plan": {"models": [served_name], "edges": []},
                    "cost_usd": 1e-5,
                    "latency_s": 1.0,
                    "calls": [{"node": 0, "model": served_name}],
                }
                file = Path(name) / f"{number}.jsonl"
                file.write_text(json.dumps(row) + "\n")
                ingest_traces(Home(home), [file])
                refresh(Home(home), full_gate=False)
                time.sleep(1)
            deadline = time.monotonic() + 30
            while (taken := taken_up(ours)) < snapshots and time.monotonic() < deadline:
                time.sleep(0.5)
            (Path(name) / "over").touch()
            reading.join()
    statuses: Counter[str] = Counter(found[0]["statuses"]) if found else Counter()
    failed = sum(n for status, n in statuses.items() if status != "200")
    print(f"{snapshots} snapshots published under load, {taken} taken up: {statuses['200']} requests "
          f"answered, {failed} failed")  # fmt: skip


def taken_up(url: str) -> int:
    """How many snapshots the endpoint has taken up since it began."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.replace("/v1", "/metrics"), timeout=30) as page:
        lines = page.read().decode().splitlines()
    return int(float(next(line for line in lines if line.startswith("optiq_snapshots_total")).split()[1]))


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "what", nargs="?", default="all", choices=("all", "latency", "memory", "kills", "swaps")
    )
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--loads", default="32,50/s,150/s", help="clients, or questions a second")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--litellm", help="the python of an environment with litellm[proxy]")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--snapshots", type=int, default=5)
    given = parser.parse_args()
    if given.what in ("all", "latency"):
        latency(given.seconds, given.loads.split(","), given.litellm, given.rounds, given.processes)
    if given.what in ("all", "memory"):
        memory(given.requests, given.clients)
    if given.what in ("all", "kills"):
        kills(given.runs, given.clients)
    if given.what in ("all", "swaps"):
        swaps(given.snapshots, given.clients)


if __name__ == "__main__":
    main()
