"""Two workers against one, on one machine, with a server that answers in 50 ms.

    python -m benchmarks.sharded                      latency binds: 4 slots a worker
    python -m benchmarks.sharded --slots 64           CPU binds

A Prefect server and its workers run on loopback, each worker takes one shard at a time, and the model server is
`model_server.py`, a process of its own. Questions per second are those of the time in which all workers
answer, as the traces tell it; what it costs to start and end (a process per shard: Python, Prefect, PerfDB, the
model server's list; the coordinator's own process) is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.executor import model_server, question_file

ROOT = Path(__file__).parent.parent
DELAY_S = 0.05
COORDINATOR = """
import json, sys
from flows.answer_sharded import answer_questions_sharded
print(json.dumps(answer_questions_sharded(**json.loads(sys.argv[1]))))
"""


def window(home: Path, run_id: str, workers: int) -> dict[str, float]:
    """By landed traces: seconds from the first call to the last, and the rate while all workers answered."""
    files = sorted((home / "landing").glob(f"traces-{run_id}*.parquet"))
    columns = ["question_id", "started_at", "wall_s"]
    frame = pl.concat([pl.read_parquet(file, columns=columns) for file in files]).select(
        shard=pl.col("question_id").cast(pl.Int64) * workers // pl.len(),
        begin=pl.col("started_at").dt.epoch("us") / 1e6,
        end=pl.col("started_at").dt.epoch("us") / 1e6 + pl.col("wall_s"),
    )
    shards = frame.group_by("shard").agg(pl.col("begin").min(), pl.col("end").max())
    begin, end = float(shards["begin"].max()), float(shards["end"].min())  # type: ignore[arg-type]
    together = frame.filter(pl.col("end").is_between(begin, end)).height
    return {
        "questions": frame.height,
        "seconds": float(frame["end"].max()) - float(frame["begin"].min()),  # type: ignore[arg-type]
        "rate": together / (end - begin),
    }


def one_run(home: Path, api_url: str, folder: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """A run by the coordinator, in a process of its own."""
    environment = os.environ | {"PREFECT_API_URL": api_url, "PYTHONPATH": str(ROOT)}
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", COORDINATOR, json.dumps(parameters)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    summary = json.loads(done.stdout.splitlines()[-1])
    return {
        **summary,
        "wall_s": time.time() - started,
        **window(home, summary["run_id"], parameters["shards"]),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--slots", type=int, default=4, help="calls at once, for each worker")
    parser.add_argument("--questions", type=int, default=1500, help="for each worker")
    parser.add_argument("--repeat", type=int, default=2, help="the best of so many runs")
    given = parser.parse_args()
    os.environ |= {
        "OLLAMA_NUM_PARALLEL": str(given.slots),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "OPTIQ_ENERGY": "predicted",
    }
    os.chdir(ROOT)
    from flows.local_prefect import down, start_worker, stop, up
    from warehouse.home import Home
    from warehouse.refresh import init

    with tempfile.TemporaryDirectory() as name, model_server(DELAY_S) as url:
        folder = Path(name)
        home = Home(folder / "home")
        init(home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        api_url = up(home, port, lambda _: None, worker_too=False).api_url
        workers: list[int] = []
        best: dict[int, dict[str, Any]] = {}
        try:
            for number in (1, 2):
                workers.append(start_worker(home, api_url, f"worker-{number}", 1))
                file = question_file(folder, given.questions * number)
                for turn in range(given.repeat):
                    parameters = {
                        "file": str(file),
                        "output": str(folder / f"answers-{number}-{turn}.csv"),
                        "server": "ollama",
                        "server_url": url,
                        "perfdb": str(home.path),
                        "shards": number,
                        "cache": False,
                    }
                    row = one_run(home.path, api_url, folder, parameters)
                    if row["answered"] != given.questions * number:
                        raise SystemExit(f"not all were answered: {row}")
                    if number not in best or row["rate"] > best[number]["rate"]:
                        best[number] = row
        finally:
            for pid in workers:
                stop(pid)
            down(home, lambda _: None)
    print(
        f"a server that answers in {DELAY_S * 1000:.0f} ms, {given.slots} slots and {given.questions} "
        f"questions for each worker, {os.cpu_count()} cores, best of {given.repeat}; load {os.getloadavg()[0]:.1f}"
    )
    for number, row in best.items():
        most = number * given.slots / DELAY_S
        print(
            f"  {number} worker{'s' * (number > 1):1}   {row['rate']:6.1f} questions/s "
            f"({row['rate'] / most:.0%} of what the slots allow)   "
            f"whole command {row['wall_s']:5.1f} s, of which {row['wall_s'] - row['seconds']:5.1f} s start and end"
        )
    print(f"  two against one: {best[2]['rate'] / best[1]['rate']:.2f} times the questions per second")


if __name__ == "__main__":
    main()
