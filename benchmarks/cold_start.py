"""What a fresh PerfDB predicts of models against what the first questions then cost and take.

    python -m benchmarks.cold_start --server embedded
    python -m benchmarks.cold_start --server openai --server-url http://127.0.0.1:8080/v1

Each served model answers the same short questions and multiple choices alone; the table has the mean predicted and
observed cost and latency, and the greater over the less. To reach: 2 or less.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

SHORT = [
    ("What is the capital of Italy?", "Rome"),
    ("How many days are there in a week?", "7"),
    ("Which planet is known as the red planet?", "Mars"),
    ("What is the chemical symbol for gold?", "Au"),
    ("Who wrote Romeo and Juliet?", "Shakespeare"),
    ("What is 12 plus 30?", "42"),
    ("Which animal barks?", "dog"),
    ("What colour do you get from mixing blue and yellow?", "green"),
    ("Which ocean lies between Europe and North America?", "Atlantic"),
    ("Which gas do plants take in from the air to make food from sunlight?", "carbon dioxide"),
]
CHOICES = [
    ("Which of these is a fruit?", ["Apple", "Chair", "River", "Stone"]),
    ("Which of these is a metal?", ["Wood", "Iron", "Paper", "Wool"]),
    ("Which of these can fly?", ["Dog", "Snail", "Eagle", "Cow"]),
    ("Which of these is a season?", ["Monday", "Lunch", "Berlin", "Winter"]),
    ("Which of these is hot?", ["Ice", "Fire", "Snow", "Milk"]),
    ("Which of these is a number?", ["Seven", "Table", "Green", "Music"]),
]


def run(*arguments: str, home: Path) -> None:
    """One command of the command line, in a home of its own."""
    place = {**os.environ, "OPTIQ_HOME": str(home), "OPTIQ_CONFIG": ""}
    subprocess.run([sys.executable, "-m", "flows.command_line.main", *arguments], env=place, check=False)


def main() -> None:
    """Answer, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--server", default="embedded")
    parser.add_argument("--server-url")
    given = parser.parse_args()
    from optiq.servers import open_server

    names = [model.name for model in open_server(given.server, given.server_url).list_models()]
    where = ["--server", given.server, *(["--server-url", given.server_url] if given.server_url else [])]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        pl.DataFrame({"question": [q for q, _ in SHORT]}).write_ndjson(path / "short.jsonl")
        pl.DataFrame(CHOICES, schema=["question", "options"], orient="row").write_ndjson(
            path / "choice.jsonl"
        )
        run("init", home=path / "home")
        for form in ("short", "choice"):
            for name in names:
                out = path / f"{form}.parquet"
                asked = ["answer", str(path / f"{form}.jsonl"), "-o", str(out), "--models", name]
                run(*asked, "--max-operations", "1", "--fresh", *where, home=path / "home")
                told = pl.read_parquet(out).filter(pl.col("status") == "answered")
                for metric in ("cost_usd", "latency_s"):
                    expected, seen = (told[f"{kind}_{metric}"].mean() for kind in ("predicted", "observed"))
                    off = max(expected / seen, seen / expected)  # type: ignore[operator]
                    rows.append((name, form, metric, expected, seen, off))
    for name, form, metric, expected, seen, off in rows:
        print(f"{name:24} {form:7} {metric:10} predicted {expected:.3g} observed {seen:.3g} off {off:.2f}×")


if __name__ == "__main__":
    main()
