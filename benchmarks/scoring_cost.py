"""What scoring a short answer costs, without embedding: CPU milliseconds per answer, over the golden cases.

    python -m benchmarks.scoring_cost

Each answer is judged twice: anew (nothing remembered of its words) and again, as in a run, where most answers repeat.
"""

from __future__ import annotations

import csv
import gc
import json
import time
from pathlib import Path

from optiq.questions.question import Question
from optiq.scoring import judging
from optiq.scoring.answers import parse_answer

CASES = Path(__file__).parents[1] / "tests" / "optiq" / "scoring"


def main() -> None:
    """Print a table."""
    judging.cosines = lambda pairs: [0.5] * len(pairs)  # type: ignore[assignment]
    with (CASES / "score_cases.csv").open(encoding="utf-8", newline="") as file:
        scores = [(row["reference"], row["answer"]) for row in csv.DictReader(file)]
    spoken = [
        json.loads(line) for line in (CASES / "spoken_cases.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    outputs = [(case["reference"], case["output"]) for case in spoken]
    judging.score_many([(Question("1", "Which?", reference="5 km"), "5 miles")])  # loads Pint and text2num
    print("| what | answers | ms CPU each, first time | again |\n|---|---|---|---|")
    for what, pairs, read in (
        ("judge an answer", scores, False),
        ("read an output and judge it", outputs, True),
    ):
        times = []
        for _ in range(2):
            questions = [Question("1", "Which?", reference=reference) for reference, _ in pairs]
            gc.collect()
            started = time.process_time()
            answers = [
                parse_answer(question, said) if read else said
                for question, (_, said) in zip(questions, pairs, strict=True)
            ]
            judging.score_many(list(zip(questions, answers, strict=True)))
            times.append((time.process_time() - started) / len(pairs) * 1000)
        print(f"| {what} | {len(pairs)} | {times[0]:.3f} | {times[1]:.3f} |")


if __name__ == "__main__":
    main()
