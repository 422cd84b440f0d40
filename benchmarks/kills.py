"""Runs of `optiq answer` that are killed with −9 at random moments and started again, and what is left of them.

    python benchmarks/kills.py --runs 20 --questions 60

Each run has a home and a model server of its own (`model_server.py`) and a total limit, is killed one to three times
and then left to finish. The table says, per run: questions with exactly one row and one execution; calls that the
server answered, that PerfDB has as made, and that were lost with the process (never more than were in flight);
USD that the run says, that the calls in PerfDB come to, and that the server would bill, which may be no more than
what the run counts against its limit. Exit code 1 if anything does not add up.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SLOTS = 8
DELAY_S = 0.02
LIMIT_USD = 0.001
ANSWER = ["answer", "questions.csv", "-o", "answers.csv", "--json", "--chunk-size", "5", "--weights", "qoa=1"]
ANSWER += ["--max-operations", "2", "--server", "ollama"]
_PERFDB = """
select count(*) as executions, count(distinct question_id) as questions,
    (select count(*) from quarantine) as rejected,
    (select count(*) from calls where not cached) as made,
    (select count(*) from calls) as calls,
    (select count(*) from (select distinct execution_id, node from calls)) as nodes,
    (select sum(cost_usd) from calls where not cached) as cost_usd
from executions
"""


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    kills: int
    once: int
    answered_by_server: int
    in_perfdb: int
    reported_usd: float
    perfdb_usd: float
    counted_usd: float
    billed_usd: float
    faults: tuple[str, ...]


@contextlib.contextmanager
def model_server() -> Iterator[str]:
    """A server in a process of its own; its address."""
    command = [sys.executable, str(HERE / "model_server.py"), "--delay", str(DELAY_S)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def answered(url: str) -> dict[str, int]:
    """How often the server answered each model and prompt."""
    with urllib.request.urlopen(f"{url}/stats", timeout=10) as reply:
        return json.load(reply)["answered"]


def command(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`optiq …` in a process of its own, in ``folder``."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "OPTIQ_HOME": str(folder / "home"),
        "OLLAMA_NUM_PARALLEL": str(SLOTS),
    }
    return subprocess.Popen(
        [sys.executable, "-c", "from flows.command_line.main import main; main()", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Any:
    """What the command printed, as JSON."""
    out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the command ended with {process.returncode}: {err}")
    return json.loads(out)


def kill_at(process: subprocess.Popen[str], url: str, calls: int, wait_s: float) -> bool:
    """Kill −9 when so many calls have been answered and a moment later; False if it was done before."""
    while process.poll() is None and sum(answered(url).values()) < calls:
        time.sleep(0.003)
    time.sleep(wait_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def one_run(fresh: Path, folder: Path, questions: int, chance: random.Random) -> Outcome:
    """Kill a run, let it finish, and compare what all sides say."""
    from warehouse.home import Home
    from warehouse.query import query
    from warehouse.refresh import refresh

    shutil.copytree(fresh, folder / "home")
    with (folder / "questions.csv").open("w") as file:
        file.write("question_id,question\n")
        file.writelines(f"q{i},Who was number {i} of the list?\n" for i in range(questions))
    with model_server() as url:
        flags = [*ANSWER, "--server-url", url, "--max-total-cost", str(LIMIT_USD)]
        moments = sorted(chance.randrange(questions) for _ in range(chance.randint(1, 3)))
        kills = sum(kill_at(command(folder, *flags), url, calls, chance.uniform(0, 0.1)) for calls in moments)
        summary = finish(command(folder, *flags))
        seen = answered(url)
    home = Home(folder / "home")
    refresh(home)
    perfdb = query(home.perfdb, _PERFDB).row(0, named=True)
    return compare(folder, questions, kills, summary, perfdb, seen)


def compare(
    folder: Path,
    questions: int,
    kills: int,
    summary: dict[str, Any],
    perfdb: dict[str, Any],
    seen: dict[str, int],
) -> Outcome:
    """What all sides say of a run, and what does not fit."""
    import polars as pl

    rows = pl.read_csv(folder / "answers.csv")
    expected = [f"q{i}" for i in range(questions)]
    by_server = sum(seen.values())
    billed = bill(folder / "home", seen)
    counted = summary["cost_usd"] + still_noted(folder / "home")
    checks = {
        "a question has no row or two": rows["question_id"].to_list() == expected,
        "a question is not answered": set(rows["status"]) == {"answered"},
        "a question has no execution or two": perfdb["executions"] == perfdb["questions"] == questions,
        "a call is in PerfDB twice": perfdb["calls"] == perfdb["nodes"],
        "rows were rejected": perfdb["rejected"] == 0,
        "calls are counted wrongly": perfdb["made"] == summary["calls"],
        "spend is counted wrongly": abs(perfdb["cost_usd"] - summary["cost_usd"]) < 1e-9,
        "more was lost than was in flight": 0 <= by_server - perfdb["made"] <= kills * SLOTS,
        "the server bills more than the run counts": billed <= counted + 1e-12,
        "the limit was exceeded": billed <= LIMIT_USD,
    }
    faults = tuple(name for name, holds in checks.items() if not holds)
    once = len(set(expected) & set(rows.filter(pl.col("question_id").is_unique())["question_id"]))
    return Outcome(
        kills,
        once,
        by_server,
        perfdb["made"],
        summary["cost_usd"],
        perfdb["cost_usd"],
        counted,
        billed,
        faults,
    )


def bill(home: Path, seen: dict[str, int]) -> float:
    """USD for all that the server answered, by the prices in PerfDB and the server's own count of tokens."""
    from benchmarks.model_server import text_for, tokens
    from optiq.statistics.snapshot import ANY_TOPIC
    from warehouse.statistics import load_statistics

    statistics = load_statistics(home / "perfdb.duckdb")
    total = 0.0
    for name, number in seen.items():
        model, _, prompt = name.partition("\n")
        figures = statistics.figures(model, ANY_TOPIC, "open")
        prompt_tokens, output_tokens = tokens(prompt, text_for(model, prompt, 3))
        one = figures.usd_per_prompt_token * prompt_tokens + figures.usd_per_output_token * output_tokens
        total += number * one
    return total


def still_noted(home: Path) -> float:
    """USD that calls may have cost whose end nobody saw."""
    lost = 0.0
    for path in home.glob("runs/*/ledger.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as ledger:
            lost += float(ledger.execute("select coalesce(sum(cost_usd), 0) from holds").fetchone()[0])
    return lost


def main() -> int:
    """Print the table; 1 if something does not add up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from warehouse.home import Home
    from warehouse.refresh import init

    chance, outcomes = random.Random(given.seed), []
    print(f"{'run':>4}{'kills':>6}{'once':>6} |{'answered':>9}{'PerfDB':>7}{'lost':>5} |"
          f"{'says USD':>10}{'PerfDB':>10}{'billed':>10}{'counted':>10}")  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "fresh"
        init(Home(fresh))
        for number in range(1, given.runs + 1):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            one = one_run(fresh, folder, given.questions, chance)
            outcomes.append(one)
            lost = one.answered_by_server - one.in_perfdb
            print(f"{number:4d}{one.kills:6d}{one.once:6d} |{one.answered_by_server:9d}{one.in_perfdb:7d}{lost:5d} |"
                  f"{one.reported_usd:10.6f}{one.perfdb_usd:10.6f}{one.billed_usd:10.6f}{one.counted_usd:10.6f}"
                  f"  {'; '.join(one.faults)}", flush=True)  # fmt: skip
            shutil.rmtree(folder)
    good = sum(not one.faults for one in outcomes)
    print(f"{good} of {len(outcomes)} runs add up, {sum(one.kills for one in outcomes)} kills")
    return 0 if good == len(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
