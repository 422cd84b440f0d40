"""Kill -9 at random moments while good and strange files land: what is recovered is all of it, once.

Every round lands files, some of them in the middle of the refresh, kills it at a random moment and lets a plain one
follow. Then each good execution must be there once, each row of each file accounted for, and nothing left over.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.refresh.measure import measured_refresh, start_refresh, told
from benchmarks.refresh.traces import _chunk, plans
from warehouse.connection import reading
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.snapshots import kept_snapshots

ROWS = 20
"""Executions of a good file."""
_KEEP = 2
"""Snapshots: few, so that most nights copy over old files."""


def killed_among_strange_files(
    folder: Path, kills: int, seed: int
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Kill ``kills`` refreshes. Returns (last step done, kills) and what went wrong."""
    measured_refresh(folder, keep=_KEEP)
    home = find_home(folder)
    landing = _Landing(home, seed)
    draw = random.Random(seed)
    landing.add(2)
    steps = measured_refresh(folder, keep=_KEEP).steps
    length = steps[-1][2] - steps[0][2]
    hit: Counter[str] = Counter()
    faults: list[str] = []
    recovered = 0
    number = 0
    while number < kills:
        landing.add(draw.randint(1, 4))
        step = _kill(folder, draw.uniform(0, length), landing)
        if step == steps[-1][0]:
            length *= 0.9  # too late to be a kill; it is followed and judged as any
        else:
            number += 1
            hit[step] += 1
        found = _after_a_kill(home, landing)
        try:
            measured_refresh(folder, keep=_KEEP)
        except RuntimeError as fault:
            found.append(str(fault))
        else:
            found += _after_a_refresh(home, landing)
        recovered += step != steps[-1][0] and not found
        faults += [f"kill {number} ({step}): {fault}" for fault in found]
    order = [name for name, *_ in steps]
    ranked = sorted(hit.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    rows = [(name, str(many)) for name, many in ranked]
    return [*rows, ("recovered, nothing lost or double", f"{recovered} of {kills}")], faults


class _Landing:
    """Files that landed, and what must become of them: ``ids`` of good executions, rows by file, files refused."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home = home
        self.draw = np.random.default_rng(seed)
        self.ids: set[str] = set()
        self.rows: dict[str, int] = {}
        self.refused: set[str] = set()

    def add(self, files: int) -> None:
        """Land a good file and so many strange ones."""
        frame = _chunk(self.draw, plans(), ROWS, f"run-{len(self.rows)}")
        self.ids |= set(frame["execution_id"])
        self._write("traces-good", frame)
        kinds: list[Callable[[pl.DataFrame], tuple[str, pl.DataFrame | bytes, bool]]] = [
            lambda f: ("traces-again", f.with_columns(run_id=pl.lit(f"again {len(self.rows)}")), False),
            lambda f: (
                "traces-odd",
                f.with_columns(status=pl.lit("odd"), cost_usd=pl.lit(float("inf"))),
                False,
            ),
            lambda f: ("traces-nothing", f.clear(), False),
            lambda f: ("traces-short", f.select("execution_id", "status"), True),
            lambda f: ("traces-typed", f.with_columns(calls=pl.lit("none")), True),
            lambda f: ("traces-cut", self._bytes(f)[:-200], True),
            lambda f: ("traces-text", b"not a Parquet file", True),
            lambda f: ("unknown", f, True),
            lambda f: ("priors-nulls", pl.DataFrame({"model": [None], "value": [0.1]}), True),
            lambda f: ("scores-few", pl.DataFrame({"execution_id": ["nobody"], "qoa": [0.5]}), True),
        ]
        for pick in self.draw.integers(0, len(kinds), files).tolist():
            name, content, refused = kinds[pick](frame)
            written = self._write(f"{name}-{len(self.rows)}", content)
            if refused:
                self.refused.add(written)

    def _write(self, label: str, content: pl.DataFrame | bytes) -> str:
        name = f"{label}-{len(self.rows):06d}.parquet"
        temporary = self.home.landing / f".{name}"
        if isinstance(content, pl.DataFrame):
            content.with_columns().write_parquet(temporary, metadata={"number": str(len(self.rows))})
            self.rows[name] = content.height
        else:
            temporary.write_bytes(content + str(len(self.rows)).encode())
            self.rows[name] = 0
        temporary.rename(self.home.landing / name)
        return name

    def _bytes(self, frame: pl.DataFrame) -> bytes:
        path = self.home.path / "whole"
        frame.write_parquet(path)
        content = path.read_bytes()
        path.unlink()
        return content


def _kill(folder: Path, after_s: float, landing: _Landing) -> str:
    """Start a refresh, land more in its middle, kill it; returns the last step that it told."""
    process = start_refresh(folder, keep=_KEEP)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after_s / 2)
    landing.add(1)
    time.sleep(after_s / 2)
    process.kill()
    rest = process.communicate()[0]
    steps = [line[0] for line in told((first + rest).splitlines()) if isinstance(line, list)]
    return str(steps[-1]) if steps else "(before the first)"


def _after_a_kill(home: Home, landing: _Landing) -> list[str]:
    """What is published must be whole: a part of what landed, each once."""
    with reading(home.perfdb) as connection:
        ids = [row[0] for row in connection.execute("select execution_id from executions").fetchall()]
    faults = [] if len(ids) == len(set(ids)) else [f"{len(ids) - len(set(ids))} executions are there twice"]
    return faults + (["an execution that never landed"] if set(ids) - landing.ids else [])


def _after_a_refresh(home: Home, landing: _Landing) -> list[str]:
    faults = _after_a_kill(home, landing)
    with reading(home.perfdb) as connection:
        ids = {row[0] for row in connection.execute("select execution_id from executions").fetchall()}
        answered, counted = connection.execute(
            "select (select count(*) from executions where status = 'answered'), "
            "(select sum(n_executions) from plan_days)"
        ).fetchall()[0]
        told: dict[str, Any] = {
            row[0]: row[1:]
            for row in connection.execute(
                "select file, n_rows, n_quarantined, refused_because is not null from ingested_files"
            ).fetchall()
        }
    if lost := landing.ids - ids:
        faults.append(f"{len(lost)} executions are lost")
    if answered != counted:
        faults.append(f"{counted} answers are in the statistics, {answered} in executions")
    for name, rows in landing.rows.items():
        if name not in told:
            faults.append(f"{name} is not on record")
        elif told[name][2] != (name in landing.refused):
            faults.append(f"{name} is {'' if told[name][2] else 'not '}refused")
        elif not told[name][2] and told[name][0] + told[name][1] != rows:
            faults.append(f"{name}: {told[name]} of {rows} rows")
    aside = {path.name for path in home.landing.glob("refused/*.parquet")}
    if aside != landing.refused:
        faults.append(f"set aside wrongly: {sorted(aside ^ landing.refused)}")
    for name, file in kept_snapshots(home).items():
        with reading(file) as connection:
            latest = connection.execute("select arg_max(snapshot_id, number) from snapshots").fetchall()[0][0]
            rows = len(connection.execute("select execution_id, question from executions").fetchall())
            calls = len(connection.execute("from calls").fetchall())
        if latest != name:
            faults.append(
                f"the snapshot {name} says that it is {latest}, with {rows} executions and {calls} calls"
            )
    newest = [*kept_snapshots(home).values()][-1]
    if newest.read_bytes() != home.perfdb.read_bytes():
        faults.append(f"the newest snapshot, {newest.stem}, is not what is published")
    left = [path.name for path in (*home.landing.glob("*"), *home.work.glob("*")) if path.name != "refused"]
    return faults + ([f"left behind {left}"] if left else [])
