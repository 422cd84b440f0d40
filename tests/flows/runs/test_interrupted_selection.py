"""`optiq select` and Ctrl-C, in a real process: it ends at once, keeps what is done, and goes on with the rest."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "optiq" / "selection"))
from loopback import Server

from warehouse.home import Home
from warehouse.landing import landed

AGENT = '''
import asyncio, contextvars, threading, time
import httpx


class Agent:
    """Each "slowly" hangs in a way of its own, until the server is patient no more."""

    def __init__(self, models):
        self.model = models["solver"]

    def run(self, example):
        question = example["question"]
        if "slowly swallowed" in question:
            while True:
                try:
                    return self.ask(question)
                except BaseException:
                    pass
        if "slowly awaited" in question:
            return asyncio.run(self.await_thread(question))
        if "slowly threaded" in question:
            said = []
            asking = contextvars.copy_context().run
            thread = threading.Thread(target=asking, args=(lambda: said.append(self.ask(question)),))
            thread.start()
            thread.join()
            return said[0]
        return self.ask(question)

    async def await_thread(self, question):
        return await asyncio.to_thread(self.ask, question)

    def ask(self, question):
        body = {"model": self.model, "messages": [{"role": "user", "content": question}]}
        made = httpx.post("URL/v1/chat/completions", json=body, timeout=240)
        return made.json()["choices"][0]["message"]["content"]
'''
SLOWLY = ["slowly", "slowly swallowed", "slowly awaited", "slowly threaded"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server().serving() as running:
        yield running
        running.patience.set()


def asked(server: Server) -> list[tuple[str, str]]:
    """Model and prompt of every request."""
    return [(body["model"], body["messages"][-1]["content"]) for body in list(server.requests)]


def judged(home: Path) -> int:
    """How many runs are kept so far."""
    with closing(sqlite3.connect(f"file:{home}/selection/kept.sqlite?mode=ro", uri=True)) as kept:
        return kept.execute("select count(*) from outcomes").fetchone()[0]


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_at_once_and_the_same_command_goes_on(
    server: Server, start_optiq, optiq, home: Path, tmp_path: Path, presses: int
) -> None:
    (tmp_path / "agent.py").write_text(AGENT.replace("URL", server.url))
    said = [f"word{i}" for i in range(4)] + SLOWLY
    pl.DataFrame({"question": [f"Say {text}" for text in said], "reference": said}).write_csv(
        tmp_path / "labelled.csv"
    )
    command = [
        "select", "labelled.csv", "--agent", "agent.py:Agent", "--role", "solver=good,bad",
        "--method", "brute-force", "--combinations-at-once", "4", "--examples-at-once", "4",
        "--calls-at-once", "16", "--json",
    ]  # fmt: skip
    process = start_optiq(*command)
    while process.poll() is None and (len(server.requests) < 16 or judged(home) < 8):
        time.sleep(0.02)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=120)  # the calls in flight would take twice as long
    assert process.returncode == 130, err
    assert "Traceback" not in err
    if presses == 1:
        assert "8 runs are kept; the same command goes on from there" in err
        assert json.loads(out)["runs"] == 8
        assert sum(pl.read_parquet(file.path).height for file in landed(Home(home))) == 8
    before = asked(server)
    assert len(before) == 16

    server.patience.set()
    again = optiq(*command)
    assert again.code == 0, again.err
    summary = json.loads(again.out)
    assert (summary["runs"], summary["reused"], summary["failed"]) == (8, 8, 0)
    paid_again = set(asked(server)[16:])
    assert all("slowly" in prompt for _, prompt in paid_again)  # nobody waited for their answers
    assert summary["best"] == {"solver": "good"}
