"""Dates in answers: 16 December 2010, Dec. 16th, 2010, 2010-12-16, August 2002, 21 November."""

from __future__ import annotations

import re
from typing import NamedTuple

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
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?(?!\d)"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_WORDS = (
    re.compile(rf"\b{_DAY}(?:\s+of)?\s+{_MONTH}(?:,?\s+(?:of\s+)?{_YEAR})?"),
    re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}(?:,?\s+(?:of\s+)?{_YEAR})?"),
    re.compile(rf"\b{_MONTH},?\s+(?:of\s+)?{_YEAR}"),
)
_ISO = re.compile(r"(?<!\d)(?P<year>[12]\d{3})-(?P<month>\d\d)(?:-(?P<day>\d\d))?(?!\d)")
_FIGURES = re.compile(r"(?<!\d)(\d{1,2})[./](\d{1,2})[./]([12]\d{3})(?!\d)")
_BARE_YEAR = re.compile(rf"(?<![\d.,-]){_YEAR}(?![.,]\d)")
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
    text = reference.strip(_AROUND).casefold()
    wanted = _first(text)
    if wanted is None or wanted[1] != text:
        return None
    found = _first(answer.casefold())
    if found is None:
        return 0.0
    return float(any(_says(date, right) for date in found[0] for right in wanted[0]))


def is_calendar_date(text: str) -> bool:
    """Whether ``text`` is a date with a month, and no more."""
    text = text.strip(_AROUND).casefold()
    found = _first(text)
    return found is not None and found[1] == text and found[0][0].month is not None


def _says(date: Date, wanted: Date) -> bool:
    """Whether ``date`` has all that is ``wanted``."""
    return all(right is None or part == right for part, right in zip(date, wanted, strict=True))


def _first(text: str) -> tuple[list[Date], str] | None:
    """The first date of ``text`` in all its readings, and the words that say it."""
    matches = [match for pattern in (*_WORDS, _ISO, _FIGURES) if (match := pattern.search(text))]
    for match in sorted(matches, key=lambda m: (m.start(), -m.end())):
        if dates := _readings(match):
            return dates, match[0].strip(_AROUND)
    if (year := _BARE_YEAR.search(text)) is not None:
        return [Date(int(year["year"]))], year[0]
    return None


def _readings(match: re.Match[str]) -> list[Date]:
    if match.re is _FIGURES:
        one, two, year = (int(part) for part in match.groups())
        found = {Date(year, two, one), Date(year, one, two)}
    else:
        parts = match.groupdict()
        month = _MONTHS.get(parts["month"]) or int(parts["month"])
        year_text, day = parts.get("year"), parts.get("day")
        found = {Date(int(year_text) if year_text else None, month, int(day) if day else None)}
    return sorted(date for date in found if _within(date.month, 12) and _within(date.day, 31))


def _within(part: int | None, most: int) -> bool:
    return part is None or 1 <= part <= most
