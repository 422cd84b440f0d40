#!/usr/bin/env bash
# What DuckDB 2.0.0 calls unknown depends on the aggregate.
# Expected: what one row, or rows that do not vary, cannot tell is NULL, as the standard deviation of one value is.
# Seen: stddev_samp of one value is NULL, its standard error (sem) is 0.0; corr and regr_slope are NaN, regr_r2 NULL.
#       NaN is not NULL (coalesce and `is not null` let it pass) and sorts above 1, so a model that was seen once has
#       the best correlation and no uncertainty.
# Hurts: tables of results and confidence intervals; ordering by correlation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

row = duckdb.sql(
    """
    select stddev_samp(y), sem(y), corr(y, x), regr_slope(y, x), regr_r2(y, x),
           corr(y, x) > 1, coalesce(corr(y, x), 0)
    from (values (1.0, 2.0)) t(y, x)
    """
).fetchall()[0]
print("duckdb", duckdb.__version__, *zip("stddev_samp sem corr regr_slope regr_r2 corr>1 coalesce".split(), row))
assert str(row) == "(None, 0.0, nan, nan, None, True, nan)"
PYTHON
