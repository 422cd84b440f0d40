#!/usr/bin/env bash
# DuckDB 2.0.0 answers a filter on doubles by who wrote the Parquet file.
# Expected: DuckDB orders NaN above every number, so `x > 5` keeps a NaN and `x < 5` drops it, in a table and in a file.
# Seen: polars 2.1.0 and pyarrow 26.0.1 leave NaN out of the statistics of a row group. DuckDB believes them: `x > 5`
#       loses the NaN (the group is passed over), `x < 5` returns it (the filter is dropped as always true). The same
#       rows written by DuckDB itself carry no statistics and are filtered rightly.
# Hurts: whoever keeps measurements with NaN for "unknown" in Parquet and selects by limits in SQL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import duckdb, polars, pyarrow, pyarrow.parquet

values = [1.0, float("nan"), 2.0]
duckdb.sql("create table t as select unnest([1.0::double, 'nan'::double, 2.0]) as x")
polars.DataFrame({"x": values}).write_parquet("polars.parquet")
pyarrow.parquet.write_table(pyarrow.table({"x": values}), "pyarrow.parquet")
duckdb.sql("copy t to 'duckdb.parquet'")

def rows(source, condition):
    return sorted(str(x) for (x,) in duckdb.sql(f"select x from {source} where {condition}").fetchall())

print("duckdb", duckdb.__version__, "polars", polars.__version__, "pyarrow", pyarrow.__version__)
seen = {s: (rows(s, "x > 5"), rows(s, "x < 5")) for s in ("t", "'duckdb.parquet'", "'polars.parquet'", "'pyarrow.parquet'")}
for source, (above, below) in seen.items():
    print(f"{source:18} x > 5: {above}  x < 5: {below}")
assert seen["t"] == seen["'duckdb.parquet'"] == (["nan"], ["1.0", "2.0"])
assert seen["'polars.parquet'"] == seen["'pyarrow.parquet'"] == ([], ["1.0", "2.0", "nan"])
PYTHON
