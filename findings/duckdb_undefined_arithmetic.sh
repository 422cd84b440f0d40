#!/usr/bin/env bash
# Between DuckDB 1.5.5 and 2.0.0 undefined arithmetic changes in both directions at once.
# Expected: a major version makes such cases stricter, or looser; either way one guard serves.
# Seen: ln(0) and sqrt(-1) raise in 1.5.5 and give -inf and nan in 2.0.0, while 1 % 0 and 1 // 0 give NULL in 1.5.5 and
#       raise in 2.0.0. 1 / 0 is inf in both.
# Hurts: statistics in SQL. A logarithm of a price of 0, once a loud error, now poisons sums; a remainder by an empty
#        count, once a NULL, now stops the whole statement.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/seen.py" <<'PYTHON'
import duckdb

def value(expression):
    try:
        return str(duckdb.sql(f"select {expression}").fetchall()[0][0])
    except duckdb.Error as error:
        return type(error).__name__

print(duckdb.__version__, *(value(e) for e in ("ln(0)", "sqrt(-1)", "1 % 0", "1 // 0", "1 / 0")))
PYTHON
for version in 1.5.5 2.0.0; do
    "${PYTHON:-python3}" -m venv "$folder/$version"
    "$folder/$version/bin/python" -m pip install --quiet --disable-pip-version-check "duckdb==$version"
    "$folder/$version/bin/python" "$folder/seen.py" | tee -a "$folder/seen"
done
diff - "$folder/seen" <<'SEEN'
1.5.5 OutOfRangeException OutOfRangeException None None inf
2.0.0 -inf nan InvalidInputException InvalidInputException inf
SEEN
