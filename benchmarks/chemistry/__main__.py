"""What chemistry costs to compute, and what it is worth on recorded performance histories.

python -m benchmarks.chemistry                 time of ChemE by number of models
python -m benchmarks.chemistry --runs FILE     and a history: faults, review accuracy, held-out ensembles,
                                               correlation with complementarity and effectiveness
python -m benchmarks.chemistry --recorded DIR  planning over recommended pools of recorded models
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.chemistry.correlation import correlations
from benchmarks.chemistry.held_out import compare
from benchmarks.chemistry.histories import read_history, recomputed_from_variance, review_accuracy_forms
from benchmarks.chemistry.recorded import compare_pools, planning_seconds, read_recorded
from optiq.chemistry.chem_e import chemistry
from optiq.chemistry.profiles import Profile


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, help="a CSV with the columns of the paper's table 5")
    parser.add_argument("--recorded", type=Path, help="a folder with executions.parquet")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("ChemE over random profiles")
    for n in (4, 8, 12, 16, 20):
        draw = np.random.default_rng(given.seed)
        profiles = [
            Profile(f"m{i}", float(q), float(a))
            for i, (q, a) in enumerate(zip(draw.uniform(2, 10, n), draw.uniform(0.5, 1, n), strict=True))
        ]
        started = time.process_time()
        chemistry(profiles)
        print(f"  {n:3d} models   {time.process_time() - started:7.3f} CPU s")
    if given.recorded is not None:
        _pools(given.recorded, given.seed)
    if given.runs is None:
        return
    rows, shifted = read_history(given.runs)
    forms = review_accuracy_forms(rows)
    print(f"{given.runs.name}: {len(rows)} rows, {shifted} set aside (columns shifted)")
    print(
        f"  review accuracy = 1 - √variance / c in {forms['vancouver']:.1%} of {forms['trials']:.0f} trials"
        f" (1 / (1 + variance) in {forms['inverse']:.1%}); recomputed with an error of at most"
        f" {recomputed_from_variance(rows):.1e}"
    )
    print("Soft voting on held-out runs (5 folds), 95 % intervals; lead over the best by accuracy")
    for one in compare(rows, sizes=(3, 5, 10), folds=5, seed=given.seed):
        (low, mean, high), (worst, lead, best) = one.effectiveness, one.ahead
        against = f"   {lead:+.3f} [{worst:+.3f}, {best:+.3f}]" if one.strategy != "best by accuracy" else ""
        print(f"  {one.size:2d} models   {one.strategy:16s}  {mean:.3f} [{low:.3f}, {high:.3f}]{against}")

    print("Mean chemistry within ensembles against (Pearson; ensembles share members, so p flatters)")
    for size, what, r, p, n in correlations(rows, (3, 5, 10), 500, given.seed):
        print(f"  {size:2d} models   {what:16s}  r = {r:+.3f}   p = {p:.1e}   n = {n}")


def _pools(folder: Path, seed: int) -> None:
    print("Planning over pools of recorded models (5 folds by question), 95 % intervals over questions")
    for one in compare_pools(read_recorded(folder), (2, 3, 4), seed):
        (low, mean, high), (worst, lead, best) = one.qoa, one.behind
        print(
            f"  {one.strategy:9s} {one.size}   QoA {mean:.3f} [{low:.3f}, {high:.3f}]   against full {lead:+.3f}"
            f" [{worst:+.3f}, {best:+.3f}]   {one.cost_usd:.2e} USD (predicted {one.predicted_usd:.2e})"
        )
    for n in (2, 3, 4, 5):
        print(f"  exact frontier, up to 5 calls, pool of {n}: {1e3 * planning_seconds(n, 5):.1f} CPU ms")


if __name__ == "__main__":
    main()
