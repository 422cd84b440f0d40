"""JSON as people give it: a key given twice is a fault, NaN and Infinity are kept as words."""

from __future__ import annotations

import json
import sys
from typing import Any


def loads(text: str) -> Any:
    """The value in ``text``; ``ValueError`` (also ``RecursionError``) says why there is none.

    Of a key that is given twice Python would take the last and say nothing. ``NaN`` and ``Infinity`` are no JSON,
    but programs write them: they come as text, so that whoever reads the value judges them.
    """
    try:
        value = json.loads(text, parse_constant=str, object_pairs_hook=_each_once)
    except ValueError as fault:
        if "set_int_max_str_digits" in str(fault):
            raise ValueError(f"a number has more than {sys.get_int_max_str_digits():,} digits") from None
        raise
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("half of a surrogate pair is no text") from None
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} is given twice")
    return found
