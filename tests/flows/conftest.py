"""A PerfDB with the shipped priors, made once; every test works on a copy of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from flows.command_line.main import run
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.refresh import init, refresh


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as `optiq init` leaves it."""
    path = tmp_path_factory.mktemp("fresh") / "home"
    init(Home(path))
    return path


@pytest.fixture
def home(fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the fresh home that commands find through $OPTIQ_HOME; no other setting reaches the test."""
    path = tmp_path / "home"
    shutil.copytree(fresh_home, path)
    for name in ("OPTIQ_CONFIG", "OPTIQ_SERVER", "OPTIQ_MODELS", "PREFECT_API_URL", "OLLAMA_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPTIQ_HOME", str(path))
    monkeypatch.chdir(tmp_path)
    return path


class Result:
    """What a command left: exit code and both streams."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def optiq(home: Path, capsys: pytest.CaptureFixture[str]):
    """Run a command of the command line in this process."""

    def command(*arguments: str) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        streams = capsys.readouterr()
        return Result(code, streams.out, streams.err)

    return command


@pytest.fixture
def drifting(fresh_home: Path, tmp_path: Path) -> Path:
    """A home in which a night waits: a model that got twice as slow, and a file that cannot be merged."""
    path = tmp_path / "drifting"
    shutil.copytree(fresh_home, path)
    draw = random.Random(7)
    for night, (days, slower) in enumerate((((1, 2), 1.0), ((3,), 2.0))):
        rows = [
            {
                "execution_id": f"{model}-{day}-{number}",
                "question_id": f"{day}-{number}",
                "plan": {"models": [model], "edges": []},
                "started_at": f"2026-11-0{day}T00:{number % 60:02d}:00+00:00",
                "cost_usd": 1e-4,
                "latency_s": seconds,
                "calls": [
                    {"node": 0, "model": model, "output_tokens": 10, "cost_usd": 1e-4, "latency_s": seconds}
                ],
            }
            for day in days
            for number in range(70)
            for model, seconds in (
                ("slow", draw.lognormvariate(0, 0.2) * slower),
                ("steady", draw.lognormvariate(0, 0.2)),
            )
        ]
        traces = tmp_path / f"night-{night}.jsonl"
        traces.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ingest_traces(Home(path), [traces])
        if night == 0:
            refresh(Home(path), full_gate=False)
    pl.DataFrame({"wrong": [1, 2, 3]}).write_parquet(path / "landing" / "traces-poison-0.parquet")
    return path


@contextmanager
def read_only(home: Path) -> Iterator[None]:
    """Nobody can write below ``home``, the superuser neither."""
    if os.geteuid() == 0:
        for options in ("bind", "remount,bind,ro"):
            subprocess.run(["mount", "-o", options, str(home), str(home)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(home)], check=True)
        return
    modes = {path: path.stat().st_mode for path in (home, *home.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
