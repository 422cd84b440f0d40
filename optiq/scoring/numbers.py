"""Numbers in answers: 1,200 · 1.2 thousand · twelve hundred · 74,500 km² · 52nd · 5 %."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass

from optiq.scoring.dates import is_calendar_date

_ONES = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_VALUES = {word: value for value, word in enumerate([*_ONES, *_TEENS])} | {
    word: 10 * place for place, word in enumerate(_TENS, start=2)
}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
# Unit → what it measures and how many base units it is.
_UNITS = {
    name: (what, factor)
    for what, units in {
        "length": {"mm millimetre": 1e-3, "cm centimetre": 1e-2, "m metre": 1.0, "km kilometre": 1e3}
        | {"inch": 0.0254, "ft foot feet": 0.3048, "mi mile": 1609.344},
        "area": {"m2 sqm": 1.0, "km2 sqkm": 1e6, "ha hectare": 1e4, "acre": 4046.856, "mi2 sqmi": 2589988.1},
        "mass": {
            "mg milligram": 1e-6,
            "g gram": 1e-3,
            "kg kilogram": 1.0,
            "t tonne": 1e3,
            "lb pound": 0.453592,
        },
        "time": {"ms millisecond": 1e-3, "s second": 1.0, "min minute": 60.0, "h hour": 3600.0}
        | {"day": 86400.0, "week": 604800.0, "month": 2629746.0, "year": 31556952.0},
        "share": {"% percent": 0.01},
    }.items()
    for names, factor in units.items()
    for name in names.split()
}
_SQUARE = re.compile(r"\b(?:square|sq\.?)\s+(kilomet(?:er|re)|met(?:er|re)|mile|km|m|mi)s?\b")
_SQUARES = {"kilo": "km2", "km": "km2", "mile": "mi2", "mi": "mi2"}
_NUMBER = re.compile(r"(?<![\w.])[-−+]?(?:\d+(?:[,\u00a0\u202f ]\d{3})+(?!\d)|\d+)(?:\.\d+)?(?![\d.]*\.\d)")
_WORDS = re.compile(
    rf"\b(?:{'|'.join([*_VALUES, *_SCALES])})(?:[\s-]+(?:and\s+)?(?:{'|'.join([*_VALUES, *_SCALES])}))*\b"
)
_AFTER = re.compile(
    r"(?:st|nd|rd|th)?\s*(?:(?P<scale>hundred|thousand|million|billion|trillion)s?\b)?\s*(?P<unit>%|[a-z]+2?)?"
)
_BEFORE_YEAR = re.compile(r"\b(?:in|since|of|until|from|by)\s*$")
_CURRENCY = "$€£¥"
_MOST_WORDS = 3
_CLOSE = 5e-3
"""Between units figures are rounded: 5 km are 3.1 miles."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text. ``decimals`` are as written; ``unit`` is None where none that is known follows."""

    value: float
    decimals: int
    unit: str | None
    start: int
    end: int
    year_like: bool


def numeric_equality(answer: str, reference: str) -> float | None:
    """1.0 if the answer's number is the reference's, else 0.0; None unless the reference is a number.

    A reference is a number if it begins with its only one, at most three words follow (a unit), and it is no day.
    The first number of the answer that can be meant counts: years after ``in`` or ``since`` are passed over, and so are
    numbers with a unit of another kind. Units that are known are converted. An answer with more decimals than
    the reference is rounded to its.
    """
    text = _plain(reference).strip(" .,;:!?\"'()~≈" + _CURRENCY)
    wanted_all = _numbers(text)
    if len(wanted_all) != 1 or wanted_all[0].start > 0 or is_calendar_date(reference):
        return None
    wanted = wanted_all[0]
    if len(re.findall(r"\w+", text[wanted.end :])) > _MOST_WORDS:
        return None
    for found in _numbers(_plain(answer)):
        if found.year_like and not 1000 <= wanted.value < 2200:
            continue
        if found.unit and wanted.unit and _UNITS[found.unit][0] != _UNITS[wanted.unit][0]:
            continue
        return float(_equal(found, wanted))
    return 0.0


def _equal(found: Number, wanted: Number) -> bool:
    if found.unit and wanted.unit and _UNITS[found.unit] != _UNITS[wanted.unit]:
        left, right = found.value * _UNITS[found.unit][1], wanted.value * _UNITS[wanted.unit][1]
        return math.isclose(left, right, rel_tol=_CLOSE)
    if wanted.decimals and found.decimals > wanted.decimals:
        return round(found.value, wanted.decimals) == round(wanted.value, wanted.decimals)
    return math.isclose(found.value, wanted.value, rel_tol=1e-9)


def _plain(text: str) -> str:
    """Lower case, unit signs spelled out: km² and square kilometres are km2."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _SQUARE.sub(lambda m: next((u for k, u in _SQUARES.items() if m[1].startswith(k)), "m2"), folded)


def _numbers(text: str) -> list[Number]:
    """The numbers of a plain text, in order, in figures and in words."""
    found = []
    for match in _NUMBER.finditer(text):
        figures = re.sub(r"[,\u00a0\u202f ]", "", match[0]).replace("−", "-")
        decimals = len(figures.partition(".")[2])
        year_like = bool(re.fullmatch(r"[12]\d{3}", match[0]) and _BEFORE_YEAR.search(text[: match.start()]))
        found.append(_number(text, float(figures), decimals, match, year_like))
    taken = [(number.start, number.end) for number in found]
    for match in _WORDS.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            found.append(_number(text, _in_words(match[0]), 0, match, False))
    return sorted(found, key=lambda number: number.start)


def _number(text: str, value: float, decimals: int, match: re.Match[str], year_like: bool) -> Number:
    """The number with the scale and the unit that follow it."""
    after = _AFTER.match(text, match.end())
    scale, unit, end = None, None, match.end()
    if after is not None:
        scale, unit = after["scale"], _unit(after["unit"])
        end = after.end("unit") if unit else max(after.end("scale"), match.end())
    value *= _SCALES[scale] if scale else 1.0
    return Number(value, 0 if scale else decimals, unit, match.start(), end, year_like)


def _unit(word: str | None) -> str | None:
    """The known name of a unit in singular or plural, British or American."""
    if word is None:
        return None
    for name in (word, word.removesuffix("s"), word.removesuffix("es")):
        name = re.sub(r"meter$", "metre", name)
        if name in _UNITS:
            return name
    return None


def _in_words(text: str) -> float:
    """``twelve hundred and five`` as 1205."""
    total = current = 0.0
    for word in re.findall(r"[a-z]+", text):
        if word in _VALUES:
            current += _VALUES[word]
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALES:
            total, current = total + (current or 1) * _SCALES[word], 0.0
    return total + current
