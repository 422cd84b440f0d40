"""A scripted model server in a process of its own, and commands in processes that may be killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


class ModelServer:
    """`benchmarks/model_server.py`, started with these flags."""

    def __init__(self, *flags: str) -> None:
        command = [sys.executable, str(ROOT / "benchmarks" / "model_server.py"), *flags]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

    def stats(self) -> dict[str, Any]:
        """What it was asked and what it answered."""
        with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as reply:
            return json.load(reply)

    def answered(self) -> int:
        """Calls that it answered well."""
        return sum(self.stats()["answered"].values())

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def model_server() -> Iterator[Callable[..., ModelServer]]:
    """Start servers with given flags; they end with the test."""
    started: list[ModelServer] = []

    def start(*flags: str) -> ModelServer:
        started.append(ModelServer(*flags))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def start_optiq(home: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a command in a process of its own."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen:
        program = "from flows.command_line.main import main; main()"
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                env={**os.environ, "PYTHONPATH": str(ROOT), "OPTIQ_HOME": str(home), **environment},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


FORKED = """
import os, sys
os.chdir(folder)
os.environ.update(environment)
sys.argv[1:] = arguments
sys.stdout = sys.stderr = open(os.devnull, "w")
from flows.command_line.main import main
main()
"""


@pytest.fixture
def start_optiq_to_kill(home: Path, tmp_path: Path) -> Iterator[Callable[..., BaseProcess]]:
    """Start a command in a process of its own that will be killed: forked from one that has imported what the
    command needs, which takes longer than all that the command does. How a command ends by itself is tested in
    an interpreter of its own."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["flows.command_line.answer", "flows.answer_questions"])
    started: list[BaseProcess] = []

    def start(*arguments: str, **environment: str) -> BaseProcess:
        given = {"arguments": arguments, "folder": str(tmp_path)}
        given["environment"] = {"OPTIQ_HOME": str(home), **environment}
        started.append(forking.Process(target=exec, args=(FORKED, given), daemon=True))
        started[-1].start()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.join()


@pytest.fixture
def questions(tmp_path: Path) -> Callable[[int], Path]:
    """Write a file of so many questions."""

    def write(number: int) -> Path:
        path = tmp_path / "questions.csv"
        rows = [f'q{i},"Who was number {i} of the list?"\n' for i in range(number)]
        path.write_text("question_id,question\n" + "".join(rows))
        return path

    return write
