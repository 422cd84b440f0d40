"""What a Prefect server shows of a run: the one door to its artifacts, for text that others wrote.

Names of models, topics and files come from files and servers of other people, and a page shows artifacts as Markdown:
a name must not become a link, a picture, a heading or a column of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from optiq.report.text import clean

_MARKUP = "\\`*_[]<>|#!~&"
_LONGEST = 300


def shown(text: Any) -> str:
    """Foreign text inside Markdown: one line, without control characters, and without any meaning but its own."""
    line = " ".join(clean(text, _LONGEST).split())
    return "".join(f"\\{character}" if character in _MARKUP else character for character in line)


def cell(value: Any) -> Any:
    """A value of a table: figures to four digits, large ones to the unit, text in one line and without markup."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None  # JSON has no word for it
        return round(value) if abs(value) >= 1e4 else float(f"{value:.4g}")
    if value is None or isinstance(value, bool | int):
        return value
    line = " ".join(clean(value, _LONGEST).split())
    return "".join(f"\\{character}" if character in "<>[]`*" else character for character in line)


def markdown_artifact(key: str, markdown: str, description: str) -> None:
    """A page whose foreign parts are :func:`shown`."""
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(key=key, markdown=markdown, description=shown(description))


def table_artifact(key: str, table: Iterable[Mapping[str, Any]], description: str) -> None:
    """A table of anybody's text and figures."""
    from prefect.artifacts import create_table_artifact

    rows = [{cell(name): cell(value) for name, value in row.items()} for row in table]
    create_table_artifact(key=key, table=rows, description=shown(description))
