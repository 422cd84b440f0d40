"""Roman numerals: XIV, and I only where a name stands before it (``Elizabeth I``)."""

from __future__ import annotations

import re

_ROMAN = re.compile(r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_WORDS = frozenset("MIX CD DC MD CV MC MI DI LI XL MM CC MD DL ML CM DIV DIM VI".split()) - {"VI"}  # noqa: SIM905


def roman_value(text: str, least: int = 2) -> int | None:
    """The value of a roman numeral of ``least`` letters or more; None if ``text`` is none, or as well a word."""
    if len(text) < least or text in _WORDS or not _ROMAN.fullmatch(text):
        return None
    values = [_VALUES[letter] for letter in text]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0], strict=True))
