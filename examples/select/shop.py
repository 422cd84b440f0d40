"""A metric of one's own: a query is right if it finds what the reference finds in shop.sql.

    optiq select examples/select/shop.jsonl --workflow examples/select/text_to_sql.yaml \\
        --metric examples/select/shop.py:same_rows

A model wrote the query, so it may only read, of a database in memory, and not for long.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
STEPS = 100_000


def same_rows(expected: str, output: str) -> float:
    """1.0 if both queries find the same rows, in any order; 0.0 if not, or if the output is no query."""
    try:
        found = rows(output)
    except (sqlite3.Error, sqlite3.Warning):
        return 0.0
    return float(found == rows(expected))


def rows(query: str) -> list[str]:
    """What a query finds, sorted."""
    shop = sqlite3.connect(":memory:")
    try:
        shop.executescript(Path(__file__).with_suffix(".sql").read_text())
        shop.set_authorizer(lambda act, *_: sqlite3.SQLITE_OK if act in READS else sqlite3.SQLITE_DENY)
        left = iter(range(STEPS // 1000))
        shop.set_progress_handler(lambda: next(left, None) is None, 1000)
        return sorted(map(repr, shop.execute(query).fetchall()))
    finally:
        shop.close()
