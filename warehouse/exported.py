"""All executions of PerfDB as a traces file has them, page by page: a year of them is larger than the memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sql
from warehouse.query import asking

if TYPE_CHECKING:
    import polars as pl

PAGE = 5_000
_MEMORY_MB = 500
_LAST = 2**63 - 1


def exported(perfdb: str | Path, page: int = PAGE) -> Iterator[pl.DataFrame]:
    """Executions with their calls nested, in the order of merging, all of one snapshot; at least one frame.

    Raises
    ------
    PerfDBError
        if there is no PerfDB, or it cannot be used.
    """
    with asking(perfdb, _MEMORY_MB, any_version=False) as ask:
        begins = ask(sql.read("queries/trace_pages"), {"page": page}).rows()
        ends = [*begins[1:], (_LAST, "")]
        for (first, first_id), (last, next_id) in zip(begins or [(_LAST, "")], ends, strict=False):
            bounds = {"first": first, "first_id": first_id, "last": last, "next_id": next_id}
            yield ask(sql.read("queries/traces"), bounds)
