#!/usr/bin/env bash
# threadpoolctl 3.8.0, scipy 1.17.1: a limit of one thread does not hold for SciPy if SciPy is imported inside it.
# Expected: within `threadpool_limits(1)` linear algebra has one thread.
# Seen: only libraries that are loaded at its beginning are limited. NumPy and SciPy bring an OpenBLAS each; SciPy's, which
#       is loaded with the first `import scipy.linalg`, keeps as many threads as there are cores.
# Hurts: programs that import late and limit threads for results that are the same on every machine, or for speed: of
#       matrices of 800 rows the eigenvectors took several times as long on two busy cores, and their last digits differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    threadpoolctl==3.8.0 scipy==1.17.1 numpy==2.4.6
cd "$folder"
# what the user has set counts for both, and OpenBLAS has no more threads than cores
env -u OPENBLAS_NUM_THREADS -u OMP_NUM_THREADS "$folder/venv/bin/python" - <<'PYTHON'
import os
from importlib.metadata import version

import numpy
from threadpoolctl import threadpool_info, threadpool_limits

with threadpool_limits(1):
    import scipy.linalg

    seen = sorted(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
with threadpool_limits(1):
    after = sorted(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
print("threadpoolctl", version("threadpoolctl"), "scipy", version("scipy"), "threads:", seen, "limited anew:", after)
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
assert cores > 1, "to be seen with two cores or more"
assert len(seen) == 2 and seen[0] == 1 and seen[1] > 1 and after == [1, 1]
PYTHON
