"""``python -m benchmarks.experiments NAME --recorded FOLDER | --live HOME``: an experiment of the paper's section 6.

    python -m benchmarks.experiments qoa-against-budget --recorded ../shared/data/recorded --plot budget.svg
    python -m benchmarks.experiments adherence --live .optiq --questions questions.csv --max-total-cost 0.01

``--recorded``: a folder with ``executions.parquet`` and its neighbours; policies learn on other folds of the
questions, and only plans that were run can be chosen. ``--live``: a home with a PerfDB that has learned from other
questions; the product plans and runs the questions for every setting, and the same command goes on where it
stopped. The oracle saw the outcomes: it is a bound, never a result.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.experiments.catalogue import EXPERIMENTS
from benchmarks.experiments.paper import beside
from benchmarks.experiments.plotting import check_picture, draw
from benchmarks.experiments.showing import check_csv, show, write_csv
from benchmarks.experiments.summing import table_of, with_steps
from flows.command_line.screen import printable
from optiq.errors import OptiqError


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments, run or replay, show. Returns the exit code: 0 done, 1 failed, 2 misused."""
    given = _parser().parse_args(arguments)
    started = time.process_time()
    try:
        _run(given)
    except OptiqError as fault:
        print(printable(str(fault)), file=sys.stderr)
        return fault.exit_code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on with what is left", file=sys.stderr)
        return 130
    print(f"{time.process_time() - started:.0f} s CPU", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("experiment", choices=[*EXPERIMENTS, "planners"])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--recorded", type=Path, metavar="FOLDER", help="replay recorded executions")
    source.add_argument("--live", metavar="HOME", help="plan and run on a model server, with this PerfDB")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=1, help="how often folds are drawn (default 1)")
    parser.add_argument("--no-embedding", action="store_true", help="past questions are not asked")
    parser.add_argument("--csv", metavar="FILE", help="write all figures there; - for the screen, no tables")
    parser.add_argument("--plot", metavar="FILE", help="draw a picture: .svg or .png")
    live = parser.add_argument_group("live")
    live.add_argument("--questions", type=Path, metavar="FILE", help="questions with a reference each")
    live.add_argument("--limit", type=int, metavar="N", help="only the first N questions")
    live.add_argument(
        "--answers",
        type=Path,
        default=Path("experiments"),
        metavar="FOLDER",
        help="where the answers of each setting go, and are found again (default: experiments)",
    )
    live.add_argument("--server", help="auto, ollama, openai or embedded (default: as configured)")
    live.add_argument("--server-url")
    live.add_argument("--models", help="the pool, separated by commas (default: all that are served)")
    live.add_argument("--max-total-cost", type=float, metavar="USD", help="most that all settings may spend")
    live.add_argument("--weights", default="qoa=1", help="what to prefer within the limits (default qoa=1)")
    planners = parser.add_argument_group("planners")
    planners.add_argument("--topics", type=int, default=10, help="only the first so many (default 10)")
    planners.add_argument("--max-operations", type=int, default=5, help="largest plans (default 5)")
    return parser


def _run(given: argparse.Namespace) -> None:
    # before anything is spent
    if given.plot:
        check_picture(given.plot)
    if given.csv:
        check_csv(given.csv)
    if given.experiment == "planners":
        from benchmarks.experiments import planners

        planners.show(given)
        return
    experiment = EXPERIMENTS[given.experiment]
    if given.recorded is not None:
        from benchmarks.experiments import recorded

        recordings = recorded.Recordings(given.recorded, not given.no_embedding)
        rows = recorded.run(experiment, recordings, given.seed, repeats=given.repeats)
    else:
        from benchmarks.experiments import live

        rows = live.run(experiment, given)
    table = table_of(rows)
    if experiment.name == "diversity":
        steps = [label for label in table["setting"].unique(maintain_order=True) if label.startswith("d≤")]
        table = with_steps(table, steps)
    table = beside(table, experiment.name)
    if given.csv:
        write_csv(table, given.csv)
    if given.csv != "-":
        show(experiment, table)
    if given.plot:
        draw(experiment, table, given.plot)


if __name__ == "__main__":
    sys.exit(main())
