#!/usr/bin/env bash
# agentopt-py 0.1.0: an agent that fails on nine examples of ten has the best accuracy.
# Expected: an example without an answer counts as wrong, or the combination is told to have failed.
# Seen: failed examples leave the mean: a model that answers 1 of 10 (rightly) has accuracy 1.0 and is chosen before
#       one that answers 9 of 10 rightly; that it failed is in the log only. It is also the "faster" one.
# Hurts: selection among models that run into rate limits, context limits or bad tool calls: the least able one wins.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check agentopt-py==0.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import contextlib, io, logging
from importlib.metadata import version
from agentopt.model_selection.brute_force import BruteForceModelSelector

logging.disable(logging.WARNING)


class Agent:
    def __init__(self, models):
        self.model = models["solver"]

    def run(self, number):
        if self.model == "fragile" and number:
            raise TimeoutError("no answer in time")
        return "wrong" if self.model == "steady" and number == 5 else number


with contextlib.redirect_stdout(io.StringIO()):
    selector = BruteForceModelSelector(
        Agent,
        {"solver": ["steady", "fragile"]},
        lambda expected, actual: expected == actual,
        [(number, number) for number in range(10)],
    )
    results = selector.select_best()
seen = {one.model_name: one.accuracy for one in results.results}
best = results.get_best().model_name
print("agentopt-py", version("agentopt-py"), seen, "best:", best)
assert len(seen) == 2 and sorted(seen.values()) == [0.9, 1.0] and "fragile" in best
PYTHON
