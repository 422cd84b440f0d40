"""Kill -9 at random moments of a refresh: what was published stays, and a plain refresh completes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.refresh.measure import generate, measured_refresh, start_refresh, told


def killed_refreshes(
    home: Path, executions: int, kills: int, seed: int
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Kill a refresh ``kills`` times. Returns (last step done, kills) and what went wrong.

    Kills hit the same home one after the other, for what one leaves behind may harm the next. When one comes
    after publishing, a plain refresh follows, its tables are compared with those of an undisturbed run, and
    the home starts again from before.
    """
    before, current, twin = home / "before", home / "current", home / "twin"
    measured_refresh(before, "quick")
    generate(before, executions, seed, labelled=False)
    shutil.copytree(before, twin)
    # The length of a refresh, from the moment that the first step is done: start-up is no refresh.
    steps = measured_refresh(twin, "quick").steps
    length = steps[-1][2] - steps[0][2]
    shutil.copytree(before, current)
    draw = random.Random(seed)
    hit: Counter[str] = Counter()
    faults: list[str] = []
    number = 0
    while number < kills:
        step = _kill(current, draw.uniform(0.0, length))
        if step == steps[-1][0]:
            length *= 0.8  # too late to be a kill: this one was faster than the first
        else:
            number += 1
            hit[step] += 1
        found = _compare("published", current, twin, executions)
        faults += [f"after kill {number} ({step}): {fault}" for fault in found[1]]
        if found[0] or number == kills:
            measured_refresh(current, "quick")
            if left := [path.name for path in (*current.glob("landing/*"), *current.glob("work/*"))]:
                faults.append(f"after kill {number} and a refresh: left behind {left}")
            _, wrong = _compare("all", current, twin, executions)
            faults += [f"after kill {number} ({step}) and a refresh: {fault}" for fault in wrong]
            hit["(compared with an undisturbed run)"] += 1
            shutil.rmtree(current)
            shutil.copytree(before, current)
    order = [name for name, *_ in steps]
    ranked = sorted(hit.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    return [(name, str(number)) for name, number in ranked], faults


def _kill(home: Path, after_s: float) -> str:
    """Start a refresh, kill it so long after its first step; returns the last step that it told."""
    process = start_refresh(home, "quick")
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after_s)
    process.kill()
    rest = process.communicate()[0]
    steps = [line[0] for line in told((first + rest).splitlines()) if isinstance(line, list)]
    return str(steps[-1]) if steps else "(before the first)"


def _compare(what: str, home: Path, twin: Path, executions: int) -> tuple[bool, list[str]]:
    """Compare in another process: whether the new executions are published, and what differs."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.refresh.compare",
        what,
        str(home),
        str(twin),
        str(executions),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return False, [done.stderr[-500:]]
    found = json.loads(done.stdout)
    return bool(found["published"]), list(found["faults"])
