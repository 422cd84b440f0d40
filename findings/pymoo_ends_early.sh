#!/usr/bin/env bash
# pymoo 0.6.2: 100 generations were asked for, a few are run, and nothing says so.
# Expected: with a termination of 100 generations the result says n_gen 100, or why it stopped before.
# Seen: in a space of 16 points NSGA2 ends once it makes no new point (n_gen below 10, 16 evaluations); `success` and
#       `message` of the result are None as after a full run. The front lists the 4 distinct objective vectors 16 times.
# Hurts: comparisons of algorithms at an equal number of generations; fronts taken for sets.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pymoo==0.6.2
"$folder/venv/bin/python" - <<'PYTHON'
import numpy, pymoo
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.problem import Problem
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

class Small(Problem):
    def __init__(self):
        super().__init__(n_var=2, n_obj=2, xl=0, xu=3, vtype=int)

    def _evaluate(self, x, out, *args, **kwargs):
        out["F"] = numpy.c_[x[:, 0], 3 - x[:, 0]].astype(float)

whole = {"vtype": float, "repair": RoundingRepair()}
search = NSGA2(20, sampling=IntegerRandomSampling(), crossover=SBX(**whole), mutation=PM(**whole))
result = minimize(Small(), search, ("n_gen", 100), seed=1)
done, calls, distinct = result.algorithm.n_gen, result.algorithm.evaluator.n_eval, len(numpy.unique(result.F, axis=0))
print("pymoo", pymoo.__version__, "n_gen", done, "evaluations", calls, "front", len(result.F), "distinct", distinct, result.success, result.message)
assert done < 10 and calls == 16 and (len(result.F), distinct) == (16, 4)
assert result.success is None and result.message is None
PYTHON
