"""Delimited text: what stands between cells is what the first line says.

A spreadsheet whose language writes a comma in numbers separates cells by semicolons, and may say so in a line
``sep=;``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAID = re.compile(r'\ufeff?"?sep=([,;\t|])"?[\r\n]*', re.I)


def reader_of(lines: Iterable[str], suffix: str) -> Any:
    """What ``csv.reader`` makes of ``lines`` with the delimiter of a file that ends in ``suffix``."""
    rest = iter(lines)
    head = list(_to_first(rest))
    return csv.reader(chain(head, rest), strict=True, delimiter=_delimiter(head[-1] if head else "", suffix))


def header_of(reader: Any) -> list[str] | None:
    """The first row that has cells and names columns; None if there is none."""
    return next((row for row in reader if row and not _says_delimiter(row)), None)


def remedy(reader: Any) -> str:
    """What to do about cells that were taken for several."""
    return f"Put cells that hold {_NAMES[reader.dialect.delimiter]} in double quotes."


def _to_first(lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the first that is not blank."""
    for line in lines:
        yield line
        if line.strip():
            return


def _delimiter(line: str, suffix: str) -> str:
    if suffix == ".tsv":
        return "\t"
    if said := _SAID.fullmatch(line):
        return said[1]
    bare = re.sub(r'"[^"]*"?', "", line)
    if "," in bare:
        return ","
    return max(_NAMES, key=bare.count)  # a comma where there is none of them


def _says_delimiter(row: Sequence[str]) -> bool:
    return row[0].strip().lower().startswith("sep=") and len(row) < 3 and not any(row[1:])
