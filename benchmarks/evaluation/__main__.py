"""``python -m benchmarks.evaluation recorded|router|routellm PATH``: one table, the product beside other methods.

PATH is ``executions.parquet`` of the published recordings (with its neighbours beside it), or a table of questions
× models. What saw the outcomes is called a bound and is never a result. ``--only`` has other tables of the recordings,
which replay policies.
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

from benchmarks.evaluation import histories_table, product_table, recorded_table, sources
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
        default="product",
        choices=["product", "picks", "errors", "ablation", "baselines", "coverage"],
        help="one of the tables (default product; the others are of the recordings)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=10,
        help="how often folds of the recordings are drawn (default 10; product and errors at most 4)",
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
    parser.add_argument(
        "--no-embedding",
        action="store_true",
        help="past questions are not asked (recorded); methods on sentence embeddings are left out (others)",
    )
    parser.add_argument("--csv", action="store_true", help="print comma-separated values")
    parser.add_argument(
        "--histories",
        type=int,
        nargs="+",
        default=histories_table.HISTORIES,
        help="questions that are learned from, of router and routellm",
    )
    given = parser.parse_args()
    if given.data != "recorded" and given.only != "product":
        parser.error(f"--only {given.only} is a table of the recordings")
    started = time.process_time()
    (_recorded if given.data == "recorded" else _histories)(given)
    print(f"{time.process_time() - started:.0f} s CPU", file=sys.stderr)


def _recorded(given: argparse.Namespace) -> None:
    if given.only == "product":
        rows = product_table.table(given.path, given.seed, min(given.repeats, 4))
        _print(given, "The product as it comes, refreshed per fold", product_table.HEAD, rows)
        return
    outcomes = sources.recorded(given.path)
    setting = Setting(seed=given.seed, priors=published_qualities(), neighbours=not given.no_embedding)
    three = ["what", "reference (200 questions)", "to reach", "ours [95 %]"]
    if given.only == "picks":
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
    if given.only == "errors":
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
    if given.only == "ablation":
        rows = recorded_table.baselines(
            outcomes, list(recorded_table.ABLATIONS), setting, given.repeats, given.budget
        )
        _print(given, f"Ablation, b={given.budget}", head, rows)
    if given.only == "baselines":
        rows = recorded_table.baselines(
            outcomes, default_policies(outcomes), setting, given.repeats, given.budget
        )
        _print(given, f"Policies, b={given.budget}", head, rows)


def _histories(given: argparse.Namespace) -> None:
    outcomes = getattr(sources, given.data)(given.path)
    labels = sources.labels_of(given.path, sources.LABELS[given.data])
    sentences = None if given.no_embedding else sources.sentences_of(outcomes)
    rows = histories_table.table(outcomes, labels, sentences, given.seed, given.histories)
    title = (
        f"{given.data}: {len(outcomes.questions)} questions × {len(outcomes.plans)} models, seed {given.seed}"
    )
    _print(given, title, histories_table.head(outcomes), rows)


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
