"""The columns of a file: needed ones, known ones, and names that look misspelt."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from optiq.errors import InputError
from optiq.questions.metric import METRICS


def check_columns(
    path: Path, columns: list[str], known: Iterable[str], needed: Iterable[str], kind: str
) -> list[str]:
    """The columns that are not known: files carry more than what is asked of them.

    Raises :class:`InputError` if a needed column is missing or an unknown one is nearly a known one.
    """
    known = tuple(known)
    foreign = [name for name in columns if name not in known]
    for name in foreign:
        close = nearest(name, known)
        if close is not None and close not in columns:
            flag = f" Read it so: --column {close}={name}." if kind == "traces" else ""
            raise InputError(f"{path} has an unknown column {name!r}", f"{did_you_mean(close)}{flag}")
    for name in needed:
        if name not in columns:
            raise InputError(f"{path} has no column {name!r}", f"A {kind} file has {', '.join(known)}.")
    return foreign


@lru_cache(maxsize=4096)
def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """The name of ``known`` that ``name`` seems to be meant for."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    close = difflib.get_close_matches(plain, known, n=1, cutoff=0.8)
    return close[0] if close else None


def did_you_mean(name: str) -> str:
    """A hint at ``name``, with its unit: who renames ``latency_ms`` must divide it, too."""
    units = [
        metric.noun
        for metric in METRICS
        if name.endswith(metric.name) or name in [rate.name for rate in metric.rates]
    ]
    return f"Did you mean {name!r}" + (f" ({units[0]})?" if units else "?")
