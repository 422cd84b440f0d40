"""Parts of what stands in a cell: ``question.stem`` of ``{"question": {"stem": "…", "choices": […]}}``.

Public sets nest: their questions, options and answers are often one part of a record. A column of the very name goes
before a part of another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from optiq.questions.option_cells import list_or_record
from optiq.questions.question_cells import text_in

_LOOKED_AT = 100
"""So many cells tell what a column holds."""


def place_of(columns: Collection[str], name: str) -> tuple[str, list[str]]:
    """The column that ``name`` means, and the path to a part of its cells: empty where ``columns`` have that name."""
    column, *path = [name] if name in columns else name.split(".")
    return column, path


def has(columns: Collection[str], name: str) -> bool:
    """Whether ``name`` is one of the ``columns``, or names a part of what one holds."""
    return place_of(columns, name)[0] in columns


def series_of(frame: pl.DataFrame, name: str) -> pl.Series:
    """The column ``name``, or that part of the cells of one: text, numbers, or JSON of what is nested further."""
    column, path = place_of(frame.columns, name)
    if not path:
        return frame[column]
    cells = [part_of(cell, path) for cell in frame[column].to_list()]
    cells = [
        json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else cell for cell in cells
    ]
    if len({type(cell) for cell in cells if cell is not None}) > 1:
        cells = [None if cell is None else text_in(cell, name) for cell in cells]
    return pl.Series(name, cells, dtype=pl.String if all(cell is None for cell in cells) else None)


def part_of(cell: Any, path: Sequence[str]) -> Any:
    """What is in ``cell`` at ``path``: keys of records, places in lists (``0``, or ``-1`` for the last); of a list of
    records a key means that of each. None where there is nothing.
    """
    found = list_or_record(cell) if path and isinstance(cell, str) else cell
    for key in path:
        if isinstance(found, dict):
            found = found.get(key)
        elif isinstance(found, list) and key.lstrip("-").isdecimal():
            found = found[int(key)] if -len(found) <= int(key) < len(found) else None
        elif isinstance(found, list):
            each = [one[key] for one in found if isinstance(one, dict) and one.get(key) is not None]
            found = [one for part in each for one in (part if isinstance(part, list) else [part])]
        else:
            return None
    return found


def keys_of_records(column: pl.Series) -> list[str]:
    """The keys of the records in ``column``, those of the first one first; none if it holds anything else."""
    records = _first_cells(column)
    if not all(isinstance(record, dict) for record in records):
        return []
    return list(dict.fromkeys(key for record in records for key in record))


def holds_chats(column: pl.Series) -> bool:
    """Whether the cells are lists of messages: what somebody says, and who."""
    chats = _first_cells(column)
    return bool(chats) and all(
        isinstance(chat, list) and chat and all(map(_is_message, chat)) for chat in chats
    )


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and ({"role", "content"} <= set(value) or {"from", "value"} <= set(value))


def _first_cells(column: pl.Series) -> list[Any]:
    """The first cells of a column that hold anything, as what they are: a list or a record may stand there as text."""
    cells = column.drop_nulls().head(_LOOKED_AT).to_list()
    return [
        found for cell in cells if (found := list_or_record(cell) if isinstance(cell, str) else cell) != ""
    ]
