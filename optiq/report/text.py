"""Figures and foreign text as a page shows them."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

LONGEST = 600
UNKNOWN = "–"


def clean(text: Any, longest: int = LONGEST) -> str:
    """``text`` without control characters, terminal escapes and direction overrides, cut to ``longest``.

    Markup is not touched: the template escapes it.
    """
    kept = str(text)
    if not kept.replace("\n", "").replace("\t", "").isprintable():  # most texts are: a page may have many
        kept = "".join(
            c
            if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
            else "\N{REPLACEMENT CHARACTER}"
            for c in kept
        )
    kept = kept.strip()
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def number(value: float | None, digits: int = 3) -> str:
    """A number with ``digits`` significant digits, thousands apart; ``–`` if it is not known."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - size)}f}"


def usd(value: float | None) -> str:
    """Money in the unit that makes it readable: millionths of a USD, thousandths, USD."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = abs(value)
    scale, unit = (1e6, "µUSD") if 0 < size < 1e-3 else (1e3, "mUSD") if 0 < size < 1 else (1.0, "USD")
    return f"{number(value * scale)} {unit}"


def count(value: int | None, one: str = "", many: str = "") -> str:
    """``1 question``, ``10,000 questions``."""
    if value is None:
        return UNKNOWN
    return f"{value:,} {one if value == 1 else many or one + 's'}".strip() if one else f"{value:,}"


def percent(value: float | None) -> str:
    """A share as ``97 %``; all and nothing are said only where they are meant."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    rounded = round(100 * value)
    if rounded == 100 and value < 1:
        return "over 99\N{NO-BREAK SPACE}%"
    if rounded == 0 and value > 0:
        return "under 1\N{NO-BREAK SPACE}%"
    return f"{rounded}\N{NO-BREAK SPACE}%"


def change(before: float | None, after: float | None) -> str:
    """The relative change as ``+12 %``."""
    if not before or after is None or not math.isfinite(before) or not math.isfinite(after):
        return UNKNOWN
    return f"{100 * (after - before) / before:+.0f}\N{NO-BREAK SPACE}%".replace("-", "−")
