"""Packages that we test against and do not depend on, each set in an environment of its own beside the checkout."""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from filelock import FileLock


def interpreter_of(place: Path, lock: Path) -> Path:
    """The interpreter of the environment in ``place``, which is made anew when its packages' ``lock`` has changed."""
    python, stamp = place / "bin" / "python", place / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    with FileLock(place.with_name(f"{place.name}.lock"), timeout=800):
        if not stamp.is_file() or stamp.read_text() != digest:
            shutil.rmtree(place, ignore_errors=True)
            venv.create(place)
            pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
            pip += ["install", "--quiet", "--no-deps"]
            done = subprocess.run([*pip, "--requirement", lock], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            stamp.write_text(digest)
    return python
