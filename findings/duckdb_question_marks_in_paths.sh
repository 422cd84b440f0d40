#!/usr/bin/env bash
# DuckDB 2.0.0: a database in a folder with a ? in its name cannot be written.
# Expected: a path is the name of a file, and the write-ahead log lies beside it as <name>.wal.
# Seen: what follows the first ? of the path counts as no part of the name: the log is looked for as
#       <path before the ?>.wal<rest>, and the first commit fails, because there is no such folder.
# Hurts: who keeps data in folders that people name ("what now?"); the database is made and read without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
mkdir "$folder/what?"
cd "$folder"
venv/bin/python - <<'PYTHON'
import os
import duckdb

connection = duckdb.connect("what?/numbers.duckdb")
try:
    connection.execute("create table t as select 1 as x")
    said = "it was written"
except duckdb.Error as fault:
    said = str(fault)
print("duckdb", duckdb.__version__, "beside it:", os.listdir("what?"), "said:", said)
assert "what.wal?" in said
PYTHON
