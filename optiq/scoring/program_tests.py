"""Whether a program that a model wrote passes its tests: run apart, with limits, and only if somebody allows it.

The program and its tests run as one file in a Python of their own: without this process's environment (keys), in an
empty folder that is deleted, with limits on time, memory, files and processes. That keeps an honest program from doing
harm by accident. It is no prison: whoever runs programs of models that they do not trust needs a container around it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

SECONDS = 10
_MEMORY = 1 << 30
_FILE = 1 << 20

_LIMITS = f"""
import resource, runpy, sys
for what, most in ((resource.RLIMIT_CPU, {SECONDS}), (resource.RLIMIT_AS, {_MEMORY}), (resource.RLIMIT_FSIZE, {_FILE}),
                   (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 32)):
    resource.setrlimit(what, (most, most))
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def passes(program: str, tests: str) -> float:
    """1.0 if ``program`` followed by ``tests`` ends well within the limits, else 0.0."""
    with tempfile.TemporaryDirectory(prefix="optiq-program-") as folder:
        (Path(folder) / "program.py").write_text(
            f"{program}\n\n{tests}\n", encoding="utf-8", errors="replace"
        )
        running = subprocess.Popen(
            [sys.executable, "-I", "-c", _LIMITS, "program.py"],
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return float(running.wait(SECONDS) == 0)
        except subprocess.TimeoutExpired:
            return 0.0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)  # what it started, too
            running.wait()
