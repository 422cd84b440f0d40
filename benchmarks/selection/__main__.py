"""What the methods of `optiq select` find, and what they spend on it.

    python -m benchmarks.selection tables                   published tables replayed, the paper's figures beside ours
    python -m benchmarks.selection tables --methods arm-elimination --seeds 500
    python -m benchmarks.selection workflows                cheapest above a floor: MixLLM against the others
    python -m benchmarks.selection live --kept DIR          the same with real models, each call made once
    python -m benchmarks.selection overhead                 what interception costs per call; 81 × 200 cached calls
    python -m benchmarks.selection agentopt                 the tables again, beside AgentOpt's public implementation
    python -m benchmarks.selection agentopt --failing "Claude Haiku 4.5"     wrong answers of that model are failures
    python -m benchmarks.selection agentopt-speed           interception and runs per second beside it

``tables`` prints each method on correlated and on independent outcomes (benchmarks/selection/drawing.py says how they
are drawn). Bayesian optimisation fits a process per step, so it gets ``--bayesian-seeds``. AgentOpt is installed at one
version from the package index into ``--environment``, or into a folder that goes afterwards.
"""

from __future__ import annotations

import argparse

from benchmarks.selection import tables, workflow_table


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selection",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", choices=["tables", "workflows", "live", "overhead", "agentopt", "agentopt-speed"]
    )
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--bayesian-seeds", type=int, default=5)
    parser.add_argument("--methods", default="", help="separated by commas; default: all")
    parser.add_argument(
        "--tables", default="", help="of gpqa, bfcl, hotpotqa, mathqa; or workflows; default: all"
    )
    parser.add_argument("--kept", help="the folder that the recording of live workflows is kept in")
    parser.add_argument("--failing", default="", help="a model whose wrong answers are failures")
    parser.add_argument("--environment", help="the folder that AgentOpt is installed in")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    methods = [name for name in given.methods.split(",") if name]
    names = [name for name in given.tables.split(",") if name]
    if given.what.startswith("agentopt"):
        from benchmarks.selection import agentopt_overhead, agentopt_side_by_side
        from benchmarks.selection.agentopt_environment import environment

        compares = given.what == "agentopt"
        bayesian = compares and (not methods or "bayesian-optimisation" in methods)
        with environment(given.environment, bayesian=bayesian) as python:
            if compares:
                agentopt_side_by_side.show(python, seeds, given.bayesian_seeds, methods, names, given.failing)
            else:
                agentopt_overhead.show(python)
    elif given.what == "tables":
        tables.show(seeds, given.bayesian_seeds, methods, names)
    elif given.what == "workflows":
        workflow_table.show(seeds, given.bayesian_seeds, methods)
    elif given.what == "live":
        from benchmarks.selection import live_workflows

        live_workflows.show(seeds, methods, names, given.kept)
    else:
        from benchmarks.selection import overhead

        overhead.show()


if __name__ == "__main__":
    main()
