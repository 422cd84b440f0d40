"""What was done with good rows of a file that a person may not expect: read differently, completed, left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Note:
    """What was done, and with how many rows (None: with the file)."""

    what: str
    rows: int | None = None


class Notes:
    """Collects the notes on one file, over its chunks."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._ignored: dict[str, dict[str, None]] = {}
        self._once: dict[str, None] = {}

    def once(self, what: str) -> None:
        """``what`` was done with the file."""
        self._once[what] = None

    def count(self, what: str, rows: int) -> None:
        """``what`` was done with so many more rows."""
        if rows:
            self._rows[what] = self._rows.get(what, 0) + rows

    def count_where(self, what: str, table: pl.DataFrame, condition: pl.Expr) -> None:
        """``what`` was done with the rows of ``table`` for which ``condition`` holds."""
        self.count(what, int(table.with_columns(condition.alias("holds"))["holds"].sum() or 0))

    def ignore(self, where: str, names: Iterable[str]) -> None:
        """These names in ``where`` are not known, so what they hold is not read."""
        if names:
            self._ignored.setdefault(where, {}).update(dict.fromkeys(names))

    def all(self) -> list[Note]:
        """Every note, those on the file first."""
        told = []
        for where, names in self._ignored.items():
            if names:
                more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
                told.append(Note(f"{where} that are not read: {', '.join(list(names)[:_SHOWN])}{more}"))
        told += [Note(what) for what in self._once]
        return told + [Note(what, rows) for what, rows in self._rows.items()]
