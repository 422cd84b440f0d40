"""``python -m benchmarks.calibration FOLDER``: regret over the number of executions, calibrator against random.

FOLDER holds ``executions.parquet``, ``questions.parquet`` and ``levels.parquet`` as published with the Opti-Q
paper; $OPTIQ_RECORDED is taken where it is left out. Starting knowledge: published figures of single models
(level 0) alone. Only executions that were recorded can be chosen; an outcome is seen after it was chosen.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.calibration.curves import CALIBRATOR, RANDOM, WAYS, Way, curve
from benchmarks.calibration.recorded import Recording, load
from benchmarks.calibration.utilities import UTILITIES, Wanted

MARKS = (0, 25, 50, 75, 100, 125, 150, 175, 200, 300, 400)
REFERENCE = 400


def main() -> int:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("OPTIQ_RECORDED"))
    parser.add_argument("--utility", choices=[*UTILITIES, "all"], default="weighted")
    parser.add_argument("--family", default="nsga", help="family of prompts  [default: nsga]")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--least", type=int, default=3, help="questions of a topic that a plan needs")
    parser.add_argument("--round", type=int, default=25, help="executions chosen between looks at outcomes")
    parser.add_argument("--most", type=int, default=200, help="executions of the calibrator")
    parser.add_argument("--no-ablation", action="store_true", help="random and calibrator only")
    parser.add_argument("--topics", choices=["all", "even", "odd"], default="all", help="half of the topics")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--csv", action="store_true", help="one line per way, executions and seed")
    given = parser.parse_args()
    if given.folder is None or not Path(given.folder, "executions.parquet").exists():
        print("name the folder of executions.parquet as argument or in $OPTIQ_RECORDED", file=sys.stderr)
        return 2
    half = {"all": slice(None), "even": slice(0, None, 2), "odd": slice(1, None, 2)}[given.topics]
    recording = load(Path(given.folder), given.family, given.least, half)
    trials = recording.trials
    repeats = sum(len(rows) for rows in recording.outcomes)
    print(
        f"family {given.family}: {len(trials.topics)} topics, {len(trials.plans)} plans, {len(trials.predicted)} plans "
        f"on topics, {len(trials.pairs)} executions to choose from ({repeats} recordings), {given.seeds} seeds"
    )
    ways = (RANDOM, CALIBRATOR) if given.no_ablation else WAYS
    for name in UTILITIES if given.utility == "all" else (given.utility,):
        wanted = UTILITIES[name](recording)
        print(f"\nutility {name}. Regret: mean over topics of {wanted.regret}.")
        started = time.perf_counter()
        found = {way: _curves(recording, wanted, way, given) for way in ways}
        _show(found, csv_only=given.csv)
        print(f"{time.perf_counter() - started:.0f} s")
    return 0


def _marks(way: Way, most: int) -> list[int]:
    return [mark for mark in MARKS if mark <= (max(REFERENCE, most) if not way.chosen else most)]


def _curves(
    recording: Recording, wanted: Wanted, way: Way, given: argparse.Namespace
) -> tuple[list[int], np.ndarray]:
    """Marks, and regrets (seeds, marks)."""
    marks = _marks(way, given.most)
    one = partial(curve, recording, wanted, way, marks=marks, round_size=given.round)
    if given.jobs == 1:
        return marks, np.array([one(seed) for seed in range(given.seeds)])
    with ProcessPoolExecutor(given.jobs) as pool:
        return marks, np.array(list(pool.map(one, range(given.seeds))))


def _show(found: dict[Way, tuple[list[int], np.ndarray]], csv_only: bool) -> None:
    if csv_only:
        out = csv.writer(sys.stdout)
        for way, (marks, values) in found.items():
            for seed, row in enumerate(values):
                out.writerows([way.name, mark, seed, value] for mark, value in zip(marks, row, strict=True))
        return
    longest = max(found.values(), key=lambda item: len(item[0]))[0]
    table = Table(title="mean ± half of the 95 % interval over seeds", title_justify="left")
    table.add_column("executions", justify="right")
    for way in found:
        table.add_column(way.name, justify="right")
    for mark in longest:
        cells = []
        for marks, values in found.values():
            cells.append(_cell(values[:, marks.index(mark)]) if mark in marks else "")
        table.add_row(str(mark), *cells)
    Console(width=150).print(table)
    reference = _reached(found[RANDOM], REFERENCE)
    for way, (marks, values) in found.items():
        if way.chosen and reference is not None:
            means = values.mean(axis=0)
            first = next((mark for mark, mean in zip(marks, means, strict=True) if mean <= reference), None)
            text = f"after {first} executions" if first is not None else f"not within {marks[-1]}"
            print(f"{way.name}: reaches the {reference:.4f} of random choice after {REFERENCE} {text}")


def _reached(item: tuple[list[int], np.ndarray], mark: int) -> float | None:
    marks, values = item
    return float(values[:, marks.index(mark)].mean()) if mark in marks else None


def _cell(values: np.ndarray) -> str:
    half = 1.96 * float(values.std(ddof=1)) / float(np.sqrt(len(values))) if len(values) > 1 else 0.0
    return f"{values.mean():.4f} ± {half:.4f}"


if __name__ == "__main__":
    sys.exit(main())
