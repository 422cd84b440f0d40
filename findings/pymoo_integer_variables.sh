#!/usr/bin/env bash
# pymoo 0.6.2: vtype=int does not make a variable an integer.
# Expected: a problem declared with vtype=int is searched over integers; the best of |x - 1.3| is x = 1.
# Seen: the algorithm calls the problem with fractions and returns x = 1.3000…; the declaration changes nothing. Sampling,
#       crossover, mutation and repair for integers must each be passed by hand.
# Hurts: choices coded as numbers (which model, which node): fractions index nothing, or are cut to a wrong choice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pymoo==0.6.2
"$folder/venv/bin/python" - <<'PYTHON'
import pymoo
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.problem import ElementwiseProblem
from pymoo.optimize import minimize

class Choice(ElementwiseProblem):
    def __init__(self):
        super().__init__(n_var=1, n_obj=1, xl=0, xu=3, vtype=int)

    def _evaluate(self, x, out, *args, **kwargs):
        out["F"] = abs(x[0] - 1.3)

best = minimize(Choice(), GA(20), ("n_gen", 20), seed=1).X
print("pymoo", pymoo.__version__, "best x of an integer variable:", best)
assert 1.29 < best[0] < 1.31
PYTHON
