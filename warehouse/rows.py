"""Rows of Python as a table of DuckDB.

Through Arrow it would cost a library that takes an eighth of a second to load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb


def temp_table(
    connection: duckdb.DuckDBPyConnection, name: str, types: Mapping[str, str], rows: Iterable[Sequence[Any]]
) -> None:
    """Make the temporary table ``name`` of ``rows``; ``types`` are the SQL types of their values by column."""
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    chosen = ", ".join(
        f'unnest(${place}::{kind}[]) as "{column}"' for place, (column, kind) in enumerate(types.items(), 1)
    )
    connection.execute(
        f"create or replace temp table {name} as select {chosen}", [list(values) for values in columns]
    )
