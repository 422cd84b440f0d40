"""``python -m benchmarks.planners.verify``: exact against brute force with the scalar oracle, every plan, minutes.

For every topic each plan of up to five operations is estimated by :func:`optiq.estimation.estimate`, the
non-dominated ones are filtered, and both the plans and their figures must be those that ``exact`` gives.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.planners.catalogs import BLENDER, LEVELS, SHAPE, load
from optiq.estimation import Estimate
from optiq.estimation.catalog import Catalog
from optiq.estimation.estimator import make_estimator
from optiq.estimation.oracle import estimate_on
from optiq.estimation.space import space
from optiq.planning import plan_frontier
from optiq.planning.frontier import losses, nondominated


def main() -> None:
    """Check topic by topic and say how close the figures are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planners.verify", description=__doc__)
    parser.add_argument("--levels", type=Path, default=LEVELS)
    parser.add_argument("--max-operations", type=int, default=5)
    parser.add_argument("--topics", type=int, default=None, help="only the first so many topics")
    given = parser.parse_args()
    statistics, models, what = load(given.levels)
    plans_of = space(len(models), given.max_operations, True)
    plans = [plans_of.plan(int(row), models, BLENDER) for row in plans_of.plan_rows]
    print(f"{what}: {len(plans):,} plans per topic")
    for topic in statistics.topics[: given.topics]:
        catalog = Catalog(statistics, topic, "open", SHAPE, BLENDER)
        rules = make_estimator("paper", statistics).on(catalog)
        oracle = [estimate_on(plan, catalog, rules) for plan in plans]
        best = [oracle[i] for i in nondominated(losses(np.array([e.metrics for e in oracle]).T))]
        found = plan_frontier(statistics, [topic], "open", SHAPE, models, BLENDER, given.max_operations)
        print(f"{topic:24} {len(found):4} plans  {_verdict(found, best)}", flush=True)


def _verdict(found: list[Estimate], expected: list[Estimate]) -> str:
    if [e.plan for e in found] != [e.plan for e in expected]:
        return f"DIFFERENT: brute force has {len(expected)}"
    one, other = (np.array([e.metrics for e in frontier]) for frontier in (found, expected))
    return f"the same, figures within {np.max(np.abs(one - other) / np.maximum(np.abs(other), 1e-300)):.1e}"


if __name__ == "__main__":
    main()
