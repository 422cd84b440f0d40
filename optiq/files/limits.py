"""How much a file may hold: a few KB of Parquet can unpack to gigabytes, and a table of commas to a billion cells.

What a file unpacks to is bounded by its size, so that large files are read and small ones cannot fill the memory.
"""

from __future__ import annotations

from pathlib import Path

from optiq.errors import InputError

MOST_COLUMNS = 2_000

DEEPEST = 64
"""Lists and records inside one another."""

_FREE_CELLS, _CELLS_PER_BYTE = 4_000_000, 4
_FREE_BYTES, _BYTES_PER_BYTE = 100_000_000, 20


def check_columns(where: object, n: int, what: str = "columns") -> None:
    """:class:`~optiq.errors.InputError` if ``where`` has more columns (or keys) than are read."""
    if n > MOST_COLUMNS:
        raise InputError(
            f"{where} has {n:,} {what}; {MOST_COLUMNS:,} are read at most",
            "Leave out those that no format of optiq has (docs/formats.md).",
        )


def check_cells(path: Path, n: int) -> None:
    """:class:`~optiq.errors.InputError` if ``n`` cells are too many for the size of ``path``; those in lists count."""
    if n > max(_FREE_CELLS, _CELLS_PER_BYTE * path.stat().st_size):
        raise InputError(
            f"{path} unpacks to {n:,} cells, too many for its size",
            "Leave out empty columns, or split the file.",
        )


def check_unpacked(path: Path, n_bytes: int) -> None:
    """:class:`~optiq.errors.InputError` if ``n_bytes`` are too much for the size of ``path``."""
    size = path.stat().st_size
    if n_bytes > max(_FREE_BYTES, _BYTES_PER_BYTE * size):
        raise InputError(
            f"{path} has {size:,} bytes and unpacks to {n_bytes:,}, too much for its size",
            "Shorten long cells, or write it without compression.",
        )


def check_depth(where: str, value: object) -> None:
    """:class:`~optiq.errors.InputError` if lists and records stand deeper in one another than :data:`DEEPEST`."""
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        ]
        if not level:
            return
    raise InputError(f"{where} is nested more than {DEEPEST} deep", "Flatten it.")
