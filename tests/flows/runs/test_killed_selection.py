"""`optiq select` killed at any moment: what was answered is not asked again, and every run is learned from."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "optiq" / "selection"))
from loopback import Server

AGENT = """
import httpx


class Agent:
    def __init__(self, models):
        self.models = models

    def run(self, example):
        said = self.ask("planner", "Plan: " + example["question"])
        return self.ask("solver", said)

    def ask(self, role, prompt):
        body = {"model": self.models[role], "max_tokens": 9, "messages": [{"role": "user", "content": prompt}]}
        made = httpx.post("URL/v1/chat/completions", json=body, timeout=60)
        return made.json()["choices"][0]["message"]["content"]
"""
MODELS = "gemma3:270m,smollm2:135m"
SLOTS, EXAMPLES = 4, 30


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().serving() as running:
        yield running


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_and_resumed(
    seed: int, server: Server, start_optiq_to_kill, optiq, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "agent.py").write_text(AGENT.replace("URL", server.url))
    words = [f"word{number}" for number in range(EXAMPLES)]
    pl.DataFrame({"question": [f"Say {word}" for word in words], "reference": words}).write_csv(
        "labelled.csv"
    )
    command = [
        "select", "labelled.csv", "--agent", "agent.py:Agent", "--role", f"planner={MODELS}",
        "--role", f"solver={MODELS}", "--method", "brute-force", "--max-total-cost", "0.5",
        "--combinations-at-once", "2", "--examples-at-once", "2", "--calls-at-once", str(SLOTS), "--json",
    ]  # fmt: skip
    draw = random.Random(seed)
    kills, asked = 0, 0
    for _ in range(3):
        until = len(server.requests) + draw.randrange(1, 60)
        process = start_optiq_to_kill(*(command if kills == 0 else ["select", "--resume", "--json"]))
        while process.exitcode is None and len(server.requests) < until:
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.02))
        if process.exitcode is None:
            process.kill()
            kills += 1
        process.join()
    last = optiq("select", "--resume", "--json")
    if kills == 0 or last.code == 2:  # it was finished before it could be killed
        last = optiq(*command)
    assert last.code == 0, last.err
    summary = json.loads(last.out)
    assert summary["runs"] + summary["reused"] == 4 * EXAMPLES
    assert summary["errors"] == {}

    asked = Counter((body["model"], body["messages"][-1]["content"]) for body in server.requests)
    again = sum(times - 1 for times in asked.values())
    # A planner's calls are those of two combinations, a solver's of one for each planner: said once, they are kept.
    assert again <= kills * SLOTS, "only what was in flight when it was killed is asked again"
    assert optiq("refresh").code == 0
    query = (
        "select count(*) as executions, count(distinct question_id || plan_key) as runs, "
        "(select count(*) from quarantine where kind = 'traces') as rejected from executions"
    )
    [stored] = json.loads(optiq("sql", query, "--json").out)
    assert stored["runs"] == 4 * EXAMPLES, "no run was lost with its process"
    assert stored["executions"] <= 4 * EXAMPLES + kills * SLOTS
    assert stored["rejected"] == 0  # figures of roles may be refused: no model answers as fast as this server


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_ctrl_c_at_any_moment_is_one_line_and_goes_on(
    share: float, server: Server, start_optiq, optiq, home: Path, tmp_path: Path
) -> None:
    """Before the first call, in the middle, and near the end; some of the work is done in any case."""
    (tmp_path / "agent.py").write_text(AGENT.replace("URL", server.url))
    words = [f"word{number}" for number in range(EXAMPLES)]
    pl.DataFrame({"question": [f"Say {word}" for word in words], "reference": words}).write_csv(
        "labelled.csv"
    )
    process = start_optiq(
        "select", "labelled.csv", "--agent", "agent.py:Agent", "--role", f"planner={MODELS}",
        "--role", f"solver={MODELS}", "--method", "brute-force", "--json",
    )  # fmt: skip
    begun = home / "selection" / "begun"
    while process.poll() is None and not (begun.is_dir() and any(begun.glob("[!.]*.json"))):
        time.sleep(0.002)
    while process.poll() is None and len(server.requests) < share * 4 * EXAMPLES:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 130), err
    assert "Traceback" not in err
    if process.returncode == 130:
        last = optiq("select", "--resume", "--json")
        assert last.code == 0, last.err
        out = last.out
    summary = json.loads(out)
    assert summary["runs"] + summary["reused"] == 4 * EXAMPLES


def test_there_must_be_something_to_go_on_with(optiq, home: Path) -> None:
    none = optiq("select", "--resume")
    assert (none.code, none.err.count("\n")) == (2, 1)
    assert "no selection was broken off" in none.err
    nothing = optiq("select")
    assert nothing.code == 2
    assert "--resume" in nothing.err
