#!/usr/bin/env bash
# A database that DuckDB 2.0.0 makes cannot be opened by DuckDB 1.5.5.
# Expected: DuckDB files are backward and, since 1.0, mostly forward compatible: new clients wrote what old ones read.
# Seen: a new file of 2.0.0, with nothing in it but one integer, is refused by 1.5.5. Attached with
#       STORAGE_VERSION 'v1.0.0' the same table is read.
# Hurts: whoever publishes a database file to colleagues, dashboards or command-line clients of an older version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 1.5.5 2.0.0; do
    "${PYTHON:-python3}" -m venv "$folder/$version"
    "$folder/$version/bin/python" -m pip install --quiet --disable-pip-version-check "duckdb==$version"
done
cd "$folder"
2.0.0/bin/python - <<'PYTHON'
import duckdb

duckdb.connect("usual.duckdb").execute("create table t as select 42 as x").close()
old = duckdb.connect()
old.execute("attach 'old.duckdb' (storage_version 'v1.0.0')").execute("create table old.t as select 42 as x").close()
PYTHON
1.5.5/bin/python - <<'PYTHON'
import duckdb

assert duckdb.connect("old.duckdb", read_only=True).execute("from t").fetchall() == [(42,)]
try:
    refused = None
    duckdb.connect("usual.duckdb", read_only=True)
except duckdb.Error as error:
    refused = str(error)
print("duckdb", duckdb.__version__, "reads old.duckdb; of usual.duckdb it says:", refused)
assert refused is not None
PYTHON
