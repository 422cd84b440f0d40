"""`make demo`: the whole loop on real small models, each step the command that a person would type."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import sql
from flows.command_line.main import run
from flows.command_line.screen import figure, say, table
from optiq.configuration import Settings
from optiq.files.tables import read_table
from warehouse.find_home import find_home
from warehouse.query import query

CALIBRATE, QUESTIONS, ANSWERS = (
    "examples/questions_calibrate.csv",
    "examples/questions.csv",
    "demo-output/answers.csv",
)
LIMITS = ["--max-latency", "4", "--max-cost", "0.000002"]
WEIGHTS = ["--weights", "qoa=0.7,latency=0.1,cost=0.1,energy=0.1"]

STEPS: list[tuple[str, list[str]]] = [
    ("Make PerfDB, the statistics catalog, with published figures only", ["init"]),
    (
        "Run single models, chains and blends on 30 labelled questions (what is known already is skipped)",
        ["calibrate", CALIBRATE],
    ),
    ("Publish what was learned", ["refresh"]),
    (
        "Plan and answer 30 other questions under a budget",
        ["answer", QUESTIONS, "-o", ANSWERS, *LIMITS, *WEIGHTS],
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
    for number, (title, arguments) in enumerate(STEPS, start=1):
        say(f"\n== {number}/{len(STEPS)} {title}")
        say(f"$ optiq {' '.join(arguments)}")
        code = run(arguments)
        if code != 0:
            return code
    _summarise(ANSWERS)
    say(f"\nThe demo took {time.time() - started:.0f} s. Answers: {ANSWERS}. Three commands to try next:")
    say('  .venv/bin/optiq ask "What is the capital of Norway?"')
    say('  .venv/bin/optiq explain "What is the capital of Norway?"')
    say('  .venv/bin/optiq sql "SELECT * FROM level_0 LIMIT 5"')
    return 0


def _summarise(answers: str) -> None:
    """Print the summary of an answers file whose run has been published."""
    rows = read_table(Path(answers))
    run_id = rows["run_id"].drop_nulls()[0]
    perfdb = find_home(Settings.load().home).perfdb
    total = query(perfdb, sql.read("queries/run_summary"), {"run_id": run_id}).row(0, named=True)
    say()
    say(f"{total['n_answered']} of {rows.height} questions answered, mean QoA {figure(total['qoa'])}")
    table(
        ["mean per question", "predicted", "observed"],
        [
            ["cost USD", figure(total["predicted_cost_usd"]), figure(total["cost_usd"])],
            ["latency s", figure(total["predicted_latency_s"]), figure(total["latency_s"])],
            [
                "energy J (observed: tokens × rate)",
                figure(total["predicted_energy_j"]),
                figure(total["energy_j"]),
            ],
            ["QoA", figure(total["predicted_qoa"]), figure(total["qoa"])],
        ],
        right=(1, 2),
    )
    plans = query(perfdb, sql.read("queries/run_plans"), {"run_id": run_id})
    table(
        ["plans that were chosen", "questions", "QoA", "cost USD", "latency s"],
        ([row[0], row[1], *map(figure, row[2:])] for row in plans.iter_rows()),
        right=range(1, 5),
    )
    singles = query(perfdb, sql.read("queries/run_singles"), {"run_id": run_id})
    table(
        ["each single model on the same questions", "questions", "QoA", "cost USD", "latency s"],
        ([row[0], row[1], *map(figure, row[2:])] for row in singles.iter_rows()),
        right=range(1, 5),
    )


if __name__ == "__main__":
    sys.exit(main())
