#!/usr/bin/env bash
# DuckDB 2.0.0 writes JSON that is none, and calls it valid; polars 2.1.0 refuses the file.
# Expected: JSON has no NaN; a writer gives null (as polars does) or raises.
# Seen: `copy … to 'x.json'` writes {"x":NaN}, json_valid(to_json('nan'::double)) is true. polars' read_ndjson stops at
#       the N and the whole file is lost to it; pandas and pyarrow are lenient, Python's json too.
# Hurts: exports of metrics from DuckDB that something strict reads next (polars, JavaScript, jq).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path
import duckdb, polars

duckdb.sql("copy (select unnest([1.0::double, 'nan'::double]) as x) to 'x.json'")
written = Path("x.json").read_text()
valid = duckdb.sql("select json_valid(to_json('nan'::double))").fetchall()[0][0]
print("duckdb", duckdb.__version__, "wrote", repr(written), "json_valid:", valid)
try:
    refused = None
    polars.read_ndjson("x.json")
except polars.exceptions.ComputeError as error:
    refused = str(error)
print("polars", polars.__version__, "says", refused, "and writes", repr(polars.DataFrame({"x": [float("nan")]}).write_ndjson()))
assert "NaN" in written and valid is True and refused is not None
assert polars.DataFrame({"x": [float("nan")]}).write_ndjson() == '{"x":null}\n'
PYTHON
