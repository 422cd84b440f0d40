"""Dates in answers: 16 December 2010, Dec. 16th, 2010, 2010-12-16, August 2002, 21 November, 15 March 44 BC."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from optiq.scoring.denial import affirmed
from optiq.scoring.plain_text import plain

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})\b\.?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th|\.)?(?!\d)"
_BEFORE_CHRIST = r"b\.?\s?c\.?(?:\s?e\.?)?(?![a-z])"
_ANNO_DOMINI = r"(?:a\.?\s?d\.?|c\.?\s?e\.?)(?![a-z])"
_YEAR = (
    rf"(?:(?P<ad>{_ANNO_DOMINI})\s*(?=\d))?(?P<year>[12]\d{{3}}(?!\d)|\d{{1,4}}(?=\s?(?:{_BEFORE_CHRIST}|{_ANNO_DOMINI}))|"
    rf"(?:(?<=ad )|(?<=a\.d\. )|(?<=ce ))\d{{1,3}}(?!\d))(?:\s?(?:(?P<bc>{_BEFORE_CHRIST})|{_ANNO_DOMINI}))?"
)
_WORDS = (
    re.compile(rf"\b{_DAY}(?:\s+of)?\s+{_MONTH}(?:,?\s+(?:of\s+|in\s+)?{_YEAR})?"),
    re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}(?:,?\s+(?:of\s+)?{_YEAR})?"),
    re.compile(rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}"),
)
_ISO = re.compile(
    r"(?<!\d)(?P<year>[12]\d{3})(?P<sign>[-/年]|\.(?=\d\d?\.))\s?(?P<month>\d\d?)(?:(?:(?P=sign)|[月.])\s?(?P<day>\d\d?)日?)?(?![\d/.-]\d|\d)月?"
)
_MONTH_OF_YEAR = re.compile(r"(?<![\d/.])(?P<month>0[1-9]|1[0-2])/(?P<year>[12]\d{3})(?![\d/])")
_FIGURES = re.compile(r"(?<!\d)(\d{1,2})[./](\d{1,2})[./]([12]\d{3})(?!\d)")
_DAY_MONTH = re.compile(r"(?<![\d.])(?P<day>[0-3]?\d)\.\s?(?P<month>[01]?\d)\.(?!\s?\d)")
"""``25.12.``, as it is written in German."""
_BARE_YEAR = re.compile(rf"(?<![\d.,$€£-])(?<!-\s){_YEAR}(?![.,]\d|[\d%/^-]|\s?[-×+]\s?\d|['’]?s\b)")
# A date that is one end of a range, or one of two, is not said to be the one.
_ONE_OF_TWO = re.compile(r"\s?(?:-|to|or|until|through|and)\s?(?:\w+\s)?\d")
_NOT_THEN = re.compile(r"\b(?:before|after|prior\s+to|(?:earlier|later)\s+than|until)\s+(?:the\s+year\s+)?$")
"""``Before 1905`` is not 1905."""
_OPENS_A_RANGE = re.compile(r"\bbetween\s$")
_DIGIT = re.compile(r"\d")
_AROUND = " .,;:!?\"'()[]"


class Date(NamedTuple):
    """A day, a month or a year; what is not said is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None


def date_equality(answer: str, reference: str) -> float | None:
    """1.0 if the answer's date is the reference's, else 0.0; None unless the reference is a date and no more.

    The first date of the answer counts, and whatever the reference says must be said: ``2010`` is not
    ``December 16, 2010``, but ``16 Dec 2010`` is ``December 2010``. Figures such as 2/10/1978 count in either
    order of day and month. A year alone is a date for an answer that has more: ``5 May 1821`` is ``1821``.
    """
    wanted = _read(reference)
    if wanted is None:
        return None
    said = affirmed(plain(answer)).casefold()
    found = _first(said)
    if found is None:
        return float(wanted[0] == [_bare_year(said)])
    dates, _, end, start = found
    if (after := _ONE_OF_TWO.match(said, end)) and (
        "and" not in after[0] or _OPENS_A_RANGE.search(said, 0, start)
    ):
        return 0.0
    if _NOT_THEN.search(said, 0, start):
        return 0.0
    return float(any(_says(date, right) for date in dates for right in wanted[0]))


@lru_cache(maxsize=8192)
def _read(text: str) -> tuple[list[Date], str, int, int] | None:
    """The date that all of ``text`` is."""
    if not _DIGIT.search(plain(text)):
        return None
    text = _plain(text)
    found = _first(text)
    return None if found is None or found[1] != text.strip(_AROUND) else found


def is_calendar_date(text: str) -> bool:
    """Whether ``text`` is a date with a month or an era, and no more."""
    found = _read(text)
    if found is None:
        return False
    return found[0][0].month is not None or not re.fullmatch(r"[12]\d{3}", found[1])


_WEEKDAY = re.compile(
    r"^\W*(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tues?|wed|thur?s?|fri|sat|sun)\b[.,]*\s+(?=\w)",
    re.I,
)


_ROUGHLY = re.compile(
    r"^\W*(?:the(?=\s+\d)|circa|ca?\.|about|around|approximately|roughly)\s+", re.IGNORECASE
)


_MIDNIGHT = re.compile(r"(?<=\d{4}-\d\d-\d\d)[T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?(?=\W*\Z)")
"""``2021-05-01 00:00:00``, as a table writes a day."""


def _plain(text: str) -> str:
    text = _MIDNIGHT.sub("", text)
    return _ROUGHLY.sub("", _WEEKDAY.sub("", plain(text))).strip(_AROUND).casefold() + (
        "." if re.search(r"[a-z]\.[a-z]\.\s*$", text, re.IGNORECASE) else ""
    )


def _says(date: Date, wanted: Date) -> bool:
    """Whether ``date`` has all that is ``wanted``."""
    return all(right is None or part == right for part, right in zip(date, wanted, strict=True))


def _first(text: str) -> tuple[list[Date], str, int, int] | None:
    """The first date of ``text`` in all its readings, the words that say it, their end and their start."""
    matches = [
        match
        for pattern in (*_WORDS, _ISO, _FIGURES, _MONTH_OF_YEAR, _DAY_MONTH)
        if (match := pattern.search(text))
    ]
    for match in sorted(matches, key=lambda m: (m.start(), -m.end())):
        if dates := _readings(match):
            return dates, match[0].strip(_AROUND), match.end(), match.start()
    if (year := _BARE_YEAR.search(text)) is not None:
        return [Date(_year(year))], year[0].strip(_AROUND), year.end(), year.start()
    return None


def _bare_year(text: str) -> Date | None:
    """``476`` alone, for a reference that says of which era it is."""
    bare = re.fullmatch(r"\W*(?:(?:in|the year|year|about|around)\s+)*(\d{1,4})\W*", text)
    return Date(int(bare[1])) if bare else None


def _year(match: re.Match[str]) -> int:
    """Years before Christ are negative."""
    parts = match.groupdict()
    return -int(match["year"]) if parts.get("bc") else int(match["year"])


def _readings(match: re.Match[str]) -> list[Date]:
    if match.re is _FIGURES:
        one, two, year = (int(part) for part in match.groups())
        found = {Date(year, two, one), Date(year, one, two)}
    else:
        parts = match.groupdict()
        month = _MONTHS.get(parts["month"]) or int(parts["month"])
        day = parts.get("day")
        found = {Date(_year(match) if parts.get("year") else None, month, int(day) if day else None)}
    return sorted(date for date in found if _within(date.month, 12) and _within(date.day, 31))


def _within(part: int | None, most: int) -> bool:
    return part is None or 1 <= part <= most
