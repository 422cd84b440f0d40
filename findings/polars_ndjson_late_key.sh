#!/usr/bin/env bash
# polars 2.1.0: read_ndjson drops a key that first appears after row 100, without a word.
# Expected: a column more, null before, or an error (a late change of type in a known key does raise).
# Seen: 150 records without "error" and one with it: the column is missing. DuckDB 2.0.0 reads the same file with both.
# Hurts: logs of model calls, where rare keys (errors, refusals, reasoning tokens) matter most.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path
import duckdb, polars

Path("calls.ndjson").write_text('{"tokens": 1}\n' * 150 + '{"tokens": 2, "error": "refused"}\n')
usual = polars.read_ndjson("calls.ndjson").columns
whole = polars.read_ndjson("calls.ndjson", infer_schema_length=None).columns
other = duckdb.sql("from 'calls.ndjson'").columns
print("polars", polars.__version__, usual, "infer_schema_length=None:", whole, "duckdb", duckdb.__version__, other)
assert usual == ["tokens"]
assert whole == other == ["tokens", "error"]
Path("types.ndjson").write_text('{"tokens": 1}\n' * 150 + '{"tokens": 2.5}\n')
try:
    raised = False
    polars.read_ndjson("types.ndjson")
except polars.exceptions.ComputeError:
    raised = True
assert raised
PYTHON
