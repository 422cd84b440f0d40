"""`make demo`: the whole loop on real small models, each step the command that a person would type."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sql
from flows.command_line.main import run
from flows.command_line.screen import figure, say, shortened, table, usd
from optiq.configuration import Settings
from optiq.files.tables import read_table
from tasks.run_answers import answers_of
from warehouse.find_home import find_home
from warehouse.query import query

CALIBRATE, QUESTIONS, ANSWERS = (
    "examples/questions_calibrate.csv",
    "examples/questions.csv",
    "demo-output/answers.csv",
)
# No limit or weight on latency: what a busy machine measures would decide which plans are taken.
LIMITS = ["--max-cost", "0.000002"]

STEPS: list[tuple[str, list[str]]] = [
    ("Make PerfDB, the statistics catalog, with published figures only", ["init"]),
    (
        "Run single models, chains and blends on 30 labelled questions, those first that would teach most",
        ["calibrate", CALIBRATE, "--max-executions", "75", *LIMITS],
    ),
    ("Publish what was learned", ["refresh"]),
    (
        "Plan and answer 30 other questions under a budget",
        ["answer", QUESTIONS, "-o", ANSWERS, *LIMITS],
    ),
    (
        "For comparison: each single model on the same 30 questions",
        ["calibrate", QUESTIONS, "--singles-only"],
    ),
    ("Publish again: the next plans know more", ["refresh"]),
]


def main() -> int:
    """Run the steps; stop at the first that fails, with its exit code."""
    started = time.time()
    Path(ANSWERS).parent.mkdir(exist_ok=True)
    took: list[str] = []
    for number, (title, arguments) in enumerate(STEPS, start=1):
        say(f"\n== {number}/{len(STEPS)} {title}")
        say(f"$ optiq {' '.join(arguments)}")
        begun = time.time()
        code = run(arguments)
        took.append(f"{arguments[0]} {time.time() - begun:.0f} s")
        if code != 0:
            return code
    say(f"\n== The demo took {time.time() - started:.0f} s ({', '.join(took)})")
    _summarise(ANSWERS)
    return 0


def _summarise(answers: str) -> None:
    """The last screen: planning beside each single model, why an answer failed, and what to do next."""
    run_id = read_table(Path(answers))["run_id"].drop_nulls()[0]
    home = find_home(Settings.load().home)
    total = query(home.perfdb, sql.read("queries/run_summary"), {"run_id": run_id}).row(0, named=True)
    singles = query(home.perfdb, sql.read("queries/run_singles"), {"run_id": run_id})
    rows = [["planning", total["n_answered"], *_figures(total), ""]]
    rows += [
        [f"always {row['model']}", row["n_questions"], *_figures(row), verdict(row)]
        for row in singles.iter_rows(named=True)
    ]
    table(
        ["on the same questions", "answered", "QoA", "cost each", "latency s", "there, planning"],
        rows,
        right=range(1, 5),
    )
    seen = answers_of(home, run_id)
    for row in seen.picked("wrong").head(1).iter_rows(named=True):
        _why_failed(run_id, row)
    say("Next:")
    say("  .venv/bin/optiq view last                          every answer in a page")
    say("  .venv/bin/optiq report -o report.html              what was chosen, predicted, observed and spent")
    say(
        "  .venv/bin/optiq answer YOUR.csv -o answers.csv     your own questions: a column `question` will do"
    )


def _figures(row: Mapping[str, Any]) -> list[str]:
    return [figure(row["qoa"]), usd(row["cost_usd"]), figure(row["latency_s"])]


def verdict(row: Mapping[str, Any]) -> str:
    """Whether planning is better than a single model, by the differences question by question: what is within their
    95 % interval is a tie."""
    gained, width = row["qoa_gained"], row["half_width"]
    if gained is None or width is None:
        return "nobody judged it"
    told = "ties" if abs(gained) <= width else "wins" if gained > 0 else "loses"
    parts = [f"{told}: QoA {gained:+.2f} ± {width:.2f}"]
    for more, better, worse in (
        (row["cost_usd_more"], "cheaper", "dearer"),
        (row["latency_s_more"], "faster", "slower"),
    ):
        if more:
            parts.append(worse if more > 0 else better)
    return ", ".join(parts)


def _why_failed(run_id: str, row: Mapping[str, Any]) -> None:
    say(f"Why an answer failed: {shortened(row['question'] or row['question_id'], 80)}")
    said = shortened(row["answer"] or row["error"] or row["status"], 80)
    say(f"  {row['plan']} said: {said}; right is: {shortened(row['reference'] or '?', 60)}")
    if row["best_from"] == "question" and row["best_qoa"] > (row["qoa"] or 0.0):
        say(f"  {row['best_plan']} did better on this very question (QoA {figure(row['best_qoa'])})")
    say(f"  .venv/bin/optiq show {run_id} {row['question_id']}    what was asked and said, and why this plan")


if __name__ == "__main__":
    sys.exit(main())
