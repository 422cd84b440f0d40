"""An environment of its own for AgentOpt's public implementation, made when it is asked for; and programs run in it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PINNED = ("agentopt-py==0.1.0",)
BAYESIAN = ("torch==2.13.0", "botorch==0.18.1")
"""What its Bayesian selector needs besides."""


@contextlib.contextmanager
def environment(folder: str | None, *, bayesian: bool) -> Iterator[Path]:
    """The interpreter of an environment with AgentOpt: in ``folder``, which stays, or in one that goes afterwards."""
    with contextlib.ExitStack() as stack:
        place = Path(folder or stack.enter_context(tempfile.TemporaryDirectory()))
        python = place / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
        wanted = PINNED + (BAYESIAN if bayesian else ())
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        subprocess.run(install, check=True)
        yield python


def answered(python: Path, program: str, job: dict[str, Any]) -> Any:
    """What a program beside this file says of a job, both as JSON."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "OPENBLAS_NUM_THREADS") if name in os.environ}
    with tempfile.TemporaryDirectory() as folder:  # it keeps a cache in the current folder
        done = subprocess.run(
            [python, Path(__file__).with_name(program)],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            cwd=folder,
            env=kept,
        )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout)
