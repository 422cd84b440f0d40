#!/usr/bin/env bash
# DuckDB 2.0.0: a slow statement draws a progress bar on stdout, also if that is a pipe.
# Expected: a bar on a terminal, at most on stderr; a program's output holds what the program printed.
# Seen: whether a process is interactive is told from `__main__.__file__` alone: under `python -c` and in code that is
#       piped in, a statement of more than 2 s draws "\r 56% ▕███…" into the pipe. The same code as a file draws none.
#       The setting is the connection's own: `connect(config={"enable_progress_bar": "false"})` is refused.
# Hurts: shell scripts, schedulers and tests that read what `python -c` prints (JSON, CSV, one number).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
cat > slow.py <<'PYTHON'
import sys
import threading
import duckdb

connection = duckdb.connect()
if "silent" in sys.argv:
    connection.execute("set enable_progress_bar = false")
threading.Timer(4, connection.interrupt).start()
try:
    connection.execute("select sum(sqrt(a.range * b.range)) from range(300000) a, range(300000) b").fetchall()
except duckdb.InterruptException:
    print("done")
PYTHON
venv/bin/python slow.py > as_file 2> errors
venv/bin/python -c "$(cat slow.py)" > as_code 2>> errors
venv/bin/python -c "$(cat slow.py)" silent > silenced 2>> errors
refused=$(venv/bin/python -c 'import duckdb; duckdb.connect(config={"enable_progress_bar": "false"})' 2>&1 | tail -1 || true)
echo "as a file: $(wc -c < as_file) bytes; python -c: $(wc -c < as_code) bytes; bar turned off: $(wc -c < silenced) bytes"
echo "as a setting to connect with: $refused"
[ "$(cat as_file)" = done ] && [ "$(cat silenced)" = done ] && [ ! -s errors ]
grep -q '%' as_code
[[ "$refused" == *"Could not set option"* ]]
