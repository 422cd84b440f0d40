"""JSON without blanks, written and read in a part of the time that the standard library takes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import orjson


def compact(value: Any) -> bytes:
    """``value`` as JSON in UTF-8; moments in ISO 8601, NaN as null, what JSON has no form for as its text."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:  # half a character, a whole number beyond 64 bits: escaped, and written out
        return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def read_compact(text: bytes | str) -> Any:
    """What :func:`compact` wrote; a ``ValueError`` for what is no JSON."""
    try:
        return orjson.loads(text)
    except ValueError:  # half a character, or no JSON at all
        return json.loads(text)


def _plain(value: Any) -> float | str:
    if isinstance(value, float):  # a kind of one, such as numpy's
        return float(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
