"""Columns of a table that a person reads under our names: ``answer=response``, ``latency_s=latency_ms``.

A part of a record is named with dots (:mod:`optiq.questions.parts`): ``output_tokens=usage.completion_tokens``. What a
column counts in is read from the end of its name, never guessed from its figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from optiq.errors import InputError
from optiq.questions.parts import has, part_of, place_of
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.notes import Notes

_PARTS = {"_s": {"_ms": 1e3, "_us": 1e6, "_ns": 1e9}, "_usd": {"_cents": 1e2}, "_j": {"_mj": 1e3}}
"""By the end of our name, the ends of others and how many of theirs are one of ours."""


def pairs_of(said: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Their column by ours, of texts ``OURS=THEIRS``.

    :class:`~optiq.errors.InputError` for what is no such pair, or a name that is not ``known``.
    """
    known = tuple(known)
    found: dict[str, str] = {}
    for one in said:
        ours, sign, theirs = (part.strip() for part in one.partition("="))
        if not (ours and sign and theirs):
            raise InputError(f"--column {one} is no pair", "Write OURS=THEIRS, such as answer=response.")
        if ours not in known:
            hint = f" Did you mean --column {theirs}={ours}?" if theirs in known else ""
            raise InputError(
                f"there is no column {ours!r} to read {theirs!r} as", f"Ours are {', '.join(known)}.{hint}"
            )
        if ours in found:
            raise InputError(
                f"{ours} is read twice: from {found[ours]!r} and {theirs!r}", "Give it one column."
            )
        found[ours] = theirs
    return found


def renamed(chunks: Iterable[Chunk], pairs: Mapping[str, str], notes: Notes) -> Iterator[Chunk]:
    """The chunks with our names for those columns, and figures in our units; ``notes`` is told of these.

    :class:`~optiq.errors.InputError` if the first chunk has no such column.
    """
    for number, chunk in enumerate(chunks):
        if number == 0 and (
            missing := [theirs for theirs in pairs.values() if not has(chunk.columns, theirs)]
        ):
            raise InputError(
                f"there is no column {missing[0]!r} to read",
                f"There are {', '.join(map(repr, chunk.columns)) or 'none'}.",
            )
        taken = set(pairs.values()) | set(pairs)
        columns = {name: values for name, values in chunk.columns.items() if name not in taken}
        for ours, theirs in pairs.items():
            if has(chunk.columns, theirs):
                columns[ours] = _in_our_unit(ours, theirs, _cells(chunk, theirs), notes)
        chunk.columns = columns
        yield chunk


def _cells(chunk: Chunk, theirs: str) -> list[Any]:
    column, path = place_of(chunk.columns, theirs)
    return [part_of(cell, path) for cell in chunk.columns[column]]


def _in_our_unit(ours: str, theirs: str, values: list[Any], notes: Notes) -> list[Any]:
    parts = next((parts for end, parts in _PARTS.items() if ours.endswith(end)), {})
    many = next((many for end, many in parts.items() if theirs.lower().endswith(end)), None)
    if many is None:
        return values
    notes.once(f"{theirs} is read as {ours}: its figures divided by {many:,.0f}")
    return [_divided(value, many) for value in values]


def _divided(value: Any, many: float) -> Any:
    """A figure in our unit; what is none stays as it is, so that it is refused with its reason."""
    try:
        return value if value is None or isinstance(value, bool) else float(value) / many
    except (TypeError, ValueError):
        return value
