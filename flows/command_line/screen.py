"""What a person sees. Text from models and files is made harmless before it reaches a terminal."""

from __future__ import annotations

import json
import math
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_KEEP = {"\n", "\t"}
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def printable(text: Any) -> str:
    """``text`` without control characters and direction overrides, so that it cannot drive a terminal."""
    return "".join(
        c if c in _KEEP or unicodedata.category(c) not in _UNSEEN else "\N{REPLACEMENT CHARACTER}"
        for c in str(text)
    )


def say(text: str = "") -> None:
    """One line for a person, on standard output."""
    print(printable(text), flush=True)


def note(text: str) -> None:
    """One line about what is going on, on standard error, so that output can be piped."""
    print(printable(text), file=sys.stderr, flush=True)


def say_json(value: Any) -> None:
    """``value`` as JSON; NaN becomes null, because JSON has no NaN.

    Control characters (C1 and DEL too) and direction overrides are written as escapes: the same JSON, and harmless.
    """
    print(_escaped(json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False, default=str)))


def _escaped(text: str) -> str:
    if text.isascii() and "\x7f" not in text:
        return text  # of these JSON has escaped all that are not printed itself
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in _UNSEEN else json.dumps(c)[1:-1] for c in text
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def figure(value: float | None, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; ``–`` if it is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if value == 0:
        return "0"
    if abs(value) < 1e-3 or abs(value) >= 1e6:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def usd(value: float | None) -> str:
    """Money in the unit that makes it readable: ``12.1 µUSD``, ``3.4 mUSD``, ``1.2 USD``; ``–`` if it is not known."""
    from optiq.report.text import usd as money

    return money(value)


def for_no_answer(most_usd: float | None) -> str:
    """What calls without an answer may have cost beside what is told; nothing where there were none."""
    return f", up to {usd(most_usd)} more for calls without an answer or token counts" if most_usd else ""


def shortened(text: str, longest: int) -> str:
    """``text`` on one line, cut after ``longest`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def duration(seconds: float) -> str:
    """``75`` as ``1 min 15 s``."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def counted(number: int, one: str, more: str = "") -> str:
    """``1 plan``, ``2 plans``; ``more`` is the plural where it is not made with an s."""
    return f"{number} {one if number == 1 else more or one + 's'}"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "", right: Iterable[int] = ()
) -> None:
    """A table that fits the terminal; columns whose index is in ``right`` are aligned right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    aligned = set(right)
    drawn = Table(
        title=printable(title) or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD
    )
    for index, column in enumerate(columns):
        drawn.add_column(
            Text(printable(column)), justify="right" if index in aligned else "left", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(Text(printable("–" if cell is None else cell)) for cell in row))
    Console(width=_width(), highlight=False).print(drawn)


def fits(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
    """Whether a table of these cells can be read: wide text may wrap, but no column is squeezed."""
    widest = (max([len(name), *(len(str(row[i])) for row in rows)]) for i, name in enumerate(columns))
    return sum(min(width, 28) + 3 for width in widest) <= _width()


def upright(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows that are too wide for a table: one block per row, one line per column."""
    longest = max((len(name) for name in columns), default=0)
    for number, row in enumerate(rows, start=1):
        print(f"── row {number} ──")
        for name, cell in zip(columns, row, strict=True):
            print(f"{printable(name):>{longest}}  {printable('–' if cell is None else cell)}")


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160
