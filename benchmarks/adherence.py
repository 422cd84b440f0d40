"""Do answers keep the budgets of their questions? On real models in this process, per metric.

    python benchmarks/adherence.py --questions 100

PerfDB learns the models from `examples/questions_calibrate.csv` first. Then every question gets a limit on cost, on
energy and on latency: what its cheapest plan in that metric is predicted to take, times a factor drawn from 1.05 to 3.
A plan that is predicted to be within its limits keeps them if what was observed is within them too. Latency also
depends on what else the machine does: run it on an idle one.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
METRICS = ("cost_usd", "energy_j", "latency_s")
FACTORS = (1.05, 3.0)
COUNTRIES = (
    "Albania Algeria Angola Argentina Austria Bangladesh Belgium Bolivia Brazil Bulgaria Cambodia Cameroon Chile "
    "Colombia Croatia Cuba Denmark Ecuador Estonia Ethiopia Finland Georgia Ghana Guatemala Haiti Honduras Hungary "
    "Iceland Indonesia Iran Iraq Ireland Jamaica Jordan Kazakhstan Kuwait Latvia Lebanon Libya Lithuania Malta Mexico "
    "Mongolia Morocco Nepal Nicaragua Nigeria Oman Pakistan Paraguay"
)
ASKED = ("What is the capital of {}?", "Which language do most people in {} speak?", "Name a river in {}.")


def question_file(folder: Path, number: int, seed: int) -> Path:
    """A CSV of questions with limits that at least one plan is predicted to keep, metric by metric."""
    from optiq.configuration import Settings
    from optiq.questions.question import Question
    from tasks.session import open_session

    planning = open_session(Settings.load({"server": "embedded"})).planning
    chance = random.Random(seed)
    texts = [form.format(country) for form in ASKED for country in COUNTRIES.split()][:number]
    path = folder / "questions.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["question", *(f"max_{metric}" for metric in METRICS)])
        for text in texts:
            frontier = planning.plan(Question("x", text)).frontier
            least = [min(getattr(estimate, metric) for estimate in frontier) for metric in METRICS]
            writer.writerow([text, *(value * chance.uniform(*FACTORS) for value in least)])
    return path


def adherence(answers: Path, questions: Path) -> list[dict[str, Any]]:
    """Per metric: answers that were predicted within the limit, how many kept it, the worst ratio to it."""
    import polars as pl

    limits = pl.read_csv(questions).select([f"max_{metric}" for metric in METRICS])
    together = pl.concat([pl.read_csv(answers), limits], how="horizontal")
    table = []
    for metric in METRICS:
        limit, observed, predicted = (pl.col(f"{name}_{metric}") for name in ("max", "observed", "predicted"))
        rows = together.filter(pl.col("status") == "answered", predicted <= limit, observed.is_not_null())
        ratio = rows.select(observed / limit).to_series()
        kept = int((ratio <= 1).sum())
        table.append({"metric": metric, "answers": len(ratio), "kept": kept, "worst": ratio.max()})
    return table


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from flows.command_line.main import run

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["OPTIQ_HOME"] = str(folder / "home")
        os.environ["OPTIQ_SERVER"] = "embedded"
        calibrate = ["calibrate", str(HERE.parent / "examples" / "questions_calibrate.csv")]
        for step in (["init"], [*calibrate, "--max-operations", "2"], ["refresh"]):
            if run(step):
                return 1
        questions = question_file(folder, given.questions, given.seed)
        answers = folder / "answers.csv"
        run(["answer", str(questions), "-o", str(answers), "--weights", "qoa=1"])
        print(f"{given.questions} questions, limits {FACTORS[0]} to {FACTORS[1]} times the least predicted")
        print(
            f"  {'metric':<12}{'predicted within':>17}{'kept':>6}{'share':>8}{'worst observed / limit':>24}"
        )
        for row in adherence(answers, questions):
            share = f"{row['kept'] / row['answers']:.1%}" if row["answers"] else "-"
            worst = "-" if row["worst"] is None else f"{row['worst']:.2f}"
            print(f"  {row['metric']:<12}{row['answers']:>17}{row['kept']:>6}{share:>8}{worst:>24}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
