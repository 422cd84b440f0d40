"""``python -m benchmarks.evaluation recorded|router|routellm PATH``: reference, goal and ours, then the ablation.

PATH is ``executions.parquet`` of the published recordings (with its neighbours beside it), or a table of questions
× models. The oracle saw the outcomes: it is a bound, never a result.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.evaluation import product_table, recorded_table, routellm_table, router_table, sources
from benchmarks.evaluation.coverage import coverage
from benchmarks.evaluation.recorded_table import Row
from optiq.evaluation.policies import default_policies
from optiq.evaluation.replay import Setting
from warehouse.published import published_qualities


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("data", choices=["recorded", "router", "routellm"])
    parser.add_argument("path", type=Path)
    parser.add_argument(
        "--only",
        choices=["product", "picks", "errors", "ablation", "baselines", "frontier", "coverage"],
        help="one of the tables",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=10,
        help="how often folds are drawn (default 10; product and errors at most 4, router at most 2)",
    )
    parser.add_argument(
        "--budget", type=int, default=3, help="b of the baselines and the ablation (default 3)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=200,
        help="of the first split (default 200); 0, 1 and 100 to 109 were seen while tuning",
    )
    parser.add_argument("--no-embedding", action="store_true", help="past questions are not asked")
    parser.add_argument("--csv", action="store_true", help="print comma-separated values")
    given = parser.parse_args()
    started = time.process_time()
    {"recorded": _recorded, "router": _router, "routellm": _routellm}[given.data](given)
    print(f"{time.process_time() - started:.0f} s CPU", file=sys.stderr)


def _recorded(given: argparse.Namespace) -> None:
    if given.only in (None, "product"):
        rows = product_table.table(given.path, given.seed, min(given.repeats, 4))
        _print(given, "The product as it comes, refreshed per fold", product_table.HEAD, rows)
    if given.only == "product":
        return
    outcomes = sources.recorded(given.path)
    setting = Setting(seed=given.seed, priors=published_qualities(), neighbours=not given.no_embedding)
    three = ["what", "reference (200 questions)", "to reach", "ours [95 %]"]
    if given.only in (None, "picks"):
        _print(
            given,
            f"Picks on {len(outcomes.questions)} questions",
            three,
            recorded_table.picks(outcomes, setting, given.repeats),
        )
    if given.only == "coverage":
        rows = recorded_table.adherence(outcomes, setting, given.repeats)
        _print(given, "Limits kept by optiq plan --confidence", three, rows)
        head = ["history", "confidence", "cost within", "latency within", "energy within", "mean QoA above"]
        rows = coverage(outcomes, setting, min(given.repeats, 2))
        _print(given, "Held-out runs within the bounds", head, rows)
    if given.only in (None, "errors"):
        head = [
            "QoA error / rank / USD error / s error",
            "reference",
            "to reach",
            "5 folds pooled (flatters)",
            "halves",
        ]
        _print(
            given,
            "Errors per topic and plan",
            head,
            recorded_table.errors(
                outcomes, sources.published_predictions(given.path, outcomes), setting, min(given.repeats, 4)
            ),
        )
    head = ["questions", "policy", "answered", "QoA [95 %]", "above best single [95 %]", "USD", "s", "within"]
    if given.only in (None, "ablation"):
        rows = recorded_table.baselines(
            outcomes, list(recorded_table.ABLATIONS), setting, given.repeats, given.budget
        )
        _print(given, f"Ablation, b={given.budget}", head, rows)
    if given.only == "baselines":
        rows = recorded_table.baselines(
            outcomes, default_policies(outcomes), setting, given.repeats, given.budget
        )
        _print(given, f"Policies, b={given.budget}", head, rows)


def _router(given: argparse.Namespace) -> None:
    outcomes = sources.router(given.path)
    if given.only in (None, "picks", "ablation"):
        rows = router_table.table(outcomes, sources.tasks_of(given.path), given.seed, min(given.repeats, 2))
        head = ["what", "reference", "to reach", "ours [95 %], USD per million tokens"]
        _print(given, f"{len(outcomes.questions)} questions × {len(outcomes.plans)} models", head, rows)
    if given.only in (None, "frontier"):
        _print(
            given,
            "Quality against price",
            ["mean price allowed", "QoA [95 %] at price"],
            router_table.frontier(outcomes, given.seed),
        )


def _routellm(given: argparse.Namespace) -> None:
    outcomes = sources.routellm(given.path)
    head = ["history", "APGR; strong calls for 50 % / 80 %", "plain neighbours", "above them, by fold", "ECE"]
    rows = routellm_table.table(outcomes, given.seed)
    _print(given, f"{len(outcomes.questions)} questions, a strong and a weak model", head, rows)


def _print(given: argparse.Namespace, title: str, head: Sequence[str], rows: Sequence[Row]) -> None:
    if given.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(head)
        writer.writerows(rows)
        return
    table = Table(*head, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


if __name__ == "__main__":
    main()
