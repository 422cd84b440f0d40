#!/usr/bin/env bash
# DuckDB 2.0.0: connecting to a path gives the file that used to be there.
# Expected: a new connection to a path opens what is at the path now.
# Seen: while any handle of the process is open, a database that was replaced by an atomic rename is not seen: a new
#       connect() to the path joins the old instance, and an attach of the path is refused as already attached.
#       Once the old handle is closed, the new data come.
# Hurts: long-running readers (dashboards, services) of a file that a nightly job publishes by rename.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import os
import duckdb

for name, value in (("published", 1), ("new", 2)):
    duckdb.connect(f"{name}.duckdb").execute(f"create table t as select {value} as x").close()
reader = duckdb.connect("published.duckdb", read_only=True)
os.replace("new.duckdb", "published.duckdb")
second = duckdb.connect("published.duckdb", read_only=True)
while_open = second.execute("from t").fetchone()
second.close()
reader.close()
after = duckdb.connect("published.duckdb", read_only=True).execute("from t").fetchone()
print("duckdb", duckdb.__version__, "new connection while an old one is open:", while_open, "after closing it:", after)
assert (while_open, after) == ((1,), (2,))
PYTHON
