"""Is a total for a file spent, and never more? Recorded outcomes, replayed: 20 totals for each data set.

    python -m benchmarks.totals ../shared/data/router/outcomes.parquet ../shared/data/routellm/outcomes.parquet \\
        --recorded ../shared/data/recorded/executions.parquet

Half of the questions are history, the others are a file. What a call costs is what is expected, times a factor drawn
for each question (log-normal, 0.4) and one for the run (up to half off): predictions are never right. Totals go from a
little more than the cheapest plans cost to nearly what the best do. To reach: spent / total 0.9 to 1.0 where more money
would have bought quality, and never above.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.evaluation.sources import recorded, router
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.snapshot import planning_of
from optiq.planning import PlannedQuestion, Planning
from optiq.planning.allotment import Allotment
from optiq.questions.metric import COST
from optiq.questions.question import BEST_ANSWER, Question

TOTALS, PIECES, SCATTER, MOST = 20, 20, 0.4, 3.0


def answered(
    planning: Planning, asked: list[Question], total: float, off: float, seed: int
) -> tuple[float, float]:
    """Spent over the total, and the share of questions that were refused."""
    draw, spent, refused = random.Random(seed), 0.0, 0

    def most(_: Question, planned: PlannedQuestion) -> float:
        chosen = planned.choice.chosen
        return 0.0 if chosen is None else MOST * chosen.cost_usd

    allotment = Allotment(planning, asked, COST, lambda: total - spent, most)
    size = max(len(asked) // PIECES, 1)
    for start in range(0, len(asked), size):
        for planned in allotment.plan(planning, asked[start : start + size]):
            name, now = planned.question.question_id, planned
            if most(now.question, now) > total - spent:
                cheaper = allotment.cheaper(now)
                if cheaper is None:
                    refused += 1
                    allotment.took(name, None)
                    continue
                now = cheaper
            expected = 0.0 if now.choice.chosen is None else now.choice.chosen.cost_usd
            took = min(
                expected * off * draw.lognormvariate(-(SCATTER**2) / 2, SCATTER), most(now.question, now)
            )
            spent += took
            allotment.took(name, took)
    return spent / total, refused / len(asked)


def table(name: str, outcomes: Outcomes, questions: int, seed: int) -> str:
    """One line for a data set."""
    order = np.random.default_rng(seed).permutation(len(outcomes.questions))
    half = min(len(order) // 2, questions)
    history = outcomes.only(np.sort(order[:half]))
    asked = [replace(outcomes.questions[i], reference=None) for i in order[half : 2 * half]]
    planning = replace(
        planning_of(history, neighbours=False, looks=False, max_operations=1),
        weights=BEST_ANSWER,
        pool=_singles(outcomes),
    )
    frontiers = [item.choice.feasible for item in planning.plan_all(asked, frontiers=True)]
    low = sum(min(plan.cost_usd for plan in plans) for plans in frontiers)
    high = sum(max(plans, key=lambda plan: plan.qoa).cost_usd for plans in frontiers)
    shares, refusals = [], []
    for i, where in enumerate(np.linspace(0.1, 0.9, TOTALS)):
        off = random.Random(seed + i).uniform(0.67, 1.5)
        share, refused = answered(planning, asked, off * (low + where * (high - low)), off, seed + i)
        shares.append(share)
        refusals.append(refused)
    kept = sum(0.9 <= share <= 1 for share in shares)
    return (
        f"{name:10} {len(asked):5} questions: spent / total {min(shares):.3f} to {max(shares):.3f}, "
        f"{kept} of {TOTALS} within 0.9 to 1; refused at most {max(refusals):.1%}"
    )


def _singles(outcomes: Outcomes) -> tuple[str, ...]:
    return tuple(sorted({plan.models[0] for plan in outcomes.plans if plan.k == 1}))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--recorded", type=Path)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for path in given.files:
        print(table(path.parent.name, router(path), given.questions, given.seed))
    if given.recorded:
        print(table("recorded", recorded(given.recorded), given.questions, given.seed))


if __name__ == "__main__":
    main()
