#!/usr/bin/env bash
# moocore 0.3.2 and pymoo 0.6.2: an unknown objective beats every known one.
# Expected: a point with NaN is refused, warned of, or left out of a Pareto front.
# Seen: of (1, 2), (2, 1), (NaN, 0.5) both keep the point with NaN and call the two real ones dominated; moocore's
#       filter returns that point alone. Minimisers in pymoo end with a front of one point of NaN.
# Hurts: whoever leaves a figure that was not measured as NaN (energy without a meter, cost without a price).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check moocore==0.3.2 pymoo==0.6.2
"$folder/venv/bin/python" - <<'PYTHON'
import moocore, numpy, pymoo
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem
from pymoo.optimize import minimize
from pymoo.util.nds.non_dominated_sorting import find_non_dominated

points = numpy.array([[1, 2], [2, 1], [numpy.nan, 0.5]])
kept = (moocore.is_nondominated(points).tolist(), find_non_dominated(points).tolist())

class HalfUnknown(Problem):
    def __init__(self):
        super().__init__(n_var=2, n_obj=2, xl=0, xu=1)

    def _evaluate(self, x, out, *args, **kwargs):
        out["F"] = numpy.where(x[:, 1:] > 0.5, numpy.nan, numpy.c_[x[:, 0], 1 - x[:, 0]])

front = minimize(HalfUnknown(), NSGA2(20), ("n_gen", 5), seed=1).F
print("moocore", moocore.__version__, "pymoo", pymoo.__version__, kept, "front:", front.tolist())
assert kept == ([False, False, True], [2])
assert numpy.isnan(front).all()
PYTHON
