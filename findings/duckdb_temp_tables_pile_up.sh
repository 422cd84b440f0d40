#!/usr/bin/env bash
# DuckDB 2.0.0: a temporary table that is replaced, or dropped and made again, is kept until the transaction ends.
# Expected: a helper table that is replaced twenty times takes the memory of one; a temporary table is nobody else's, and
#           the last one is all that can be read.
# Seen: outside a transaction it takes 9 MB whatever the number; inside one 20 times as much, dropped by hand or not.
# Hurts: imports that work batch by batch in one transaction with a helper table: they run out of memory in proportion to
#        the number of batches, not to their size.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

ROWS = "select range as i, md5(range::varchar) as name from range(200000)"


def megabytes(connection):
    return int(connection.execute("select sum(memory_usage_bytes) from duckdb_memory()").fetchone()[0] / 1e6)


def replaced(times, together, by_hand=False):
    connection = duckdb.connect()
    if together:
        connection.begin()
    for number in range(times):
        if by_hand and number:
            connection.execute("drop table helper")
        connection.execute(f"create or replace temp table helper as {ROWS}")
    inside = megabytes(connection)
    if together:
        connection.commit()
    return inside, megabytes(connection)


once, alone = replaced(1, False)[0], replaced(20, False)[0]
together, after = replaced(20, True)
by_hand, _ = replaced(20, True, by_hand=True)
print("duckdb", duckdb.__version__, "MB once:", once, "20 times:", alone, "20 times in a transaction:", together,
      "dropped by hand:", by_hand, "after it:", after)
assert alone < 2 * once and after < 2 * once, "outside a transaction, and after it, one is kept"
assert together > 15 * once and by_hand > 15 * once, "inside a transaction all are kept"
PYTHON
