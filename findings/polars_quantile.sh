#!/usr/bin/env bash
# polars 2.1.0: the quantile 0.5 is not the median.
# Expected: quantile(0.5) of 1, 2, 3, 4 is 2.5, as median() says, and NumPy.
# Seen: quantile() takes the nearest value unless told otherwise: 3.0, beside median() 2.5; of 1, 2 it gives 2.0.
#       DuckDB's quantile() of the same column takes the value below, 2, and its quantile_cont 2.5: p50 of a latency
#       has three values in one pipeline, and on small samples p90 or p99 differ by a whole observation.
# Hurts: latency percentiles computed partly in polars, partly in SQL or NumPy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb, numpy, polars

x = [1.0, 2.0, 3.0, 4.0]
series = polars.Series(x)
disc, cont = duckdb.sql(f"select quantile(x, 0.5), quantile_cont(x, 0.5) from (select unnest({x}::double[]) as x)").fetchall()[0]
seen = (series.quantile(0.5), series.median(), disc, cont, float(numpy.quantile(x, 0.5)))
print("polars", polars.__version__, "duckdb", duckdb.__version__, "numpy", numpy.__version__)
print("polars quantile, median, duckdb quantile, quantile_cont, numpy:", seen)
assert seen == (3.0, 2.5, 2.0, 2.5, 2.5)
assert polars.Series([1.0, 2.0]).quantile(0.5) == 2.0
PYTHON
