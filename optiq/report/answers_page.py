"""The page of all answers of a run, or of two runs row by row: a table to sort and filter, and a drawer per question.

Complete in itself, as the other pages are. What the table shows is there at once; the texts of the drawer are packed
in pieces (gzip) that the page opens when they are looked at, so that many answers open soon. Text of models and files
gets onto the page as text nodes only.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from typing import Any

from optiq.report.page import Tile, document, json_for_script, template

PIECE = 250
"""Answers whose texts are packed together."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table. ``kind`` is ``text``, ``choice`` (few values), ``number``, ``usd`` or ``seconds``.

    ``wide`` ones are left out on narrow screens; ``grow`` says how much of the width that is left a column takes.
    """

    field: str
    title: str
    kind: str = "text"
    wide: bool = False
    grow: int = 0


@dataclass(frozen=True, slots=True)
class Pick:
    """A button that shows some of the answers in an order: ``only`` rows in which that field is true."""

    name: str
    order: str = ""
    descending: bool = False
    only: str = ""


@dataclass(frozen=True, slots=True)
class AnswersPage:
    """All of the page.

    ``rows`` are the values of each field of ``columns`` (and of the fields that picks name), all of one length;
    ``details`` what the drawer shows of each row, in their order: JSON values as :func:`tasks.viewing.view_page`
    makes them. ``drawings`` are SVG by the expression of the plan.
    """

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    columns: Sequence[Column]
    picks: Sequence[Pick]
    rows: Mapping[str, Sequence[Any]]
    details: Iterable[Any]
    drawings: Mapping[str, str]
    notices: Sequence[str] = ()


def render_answers(page: AnswersPage) -> str:
    """The document."""
    from markupsafe import Markup

    details = iter(page.details)
    pieces = [_packed(some) for some in iter(lambda: list(islice(details, PIECE)), [])]
    columns = [
        {"field": c.field, "title": c.title, "kind": c.kind, "wide": c.wide, "grow": c.grow}
        for c in page.columns
    ]
    picks = [
        {"name": p.name, "order": p.order, "descending": p.descending, "only": p.only} for p in page.picks
    ]
    choices = {c.field for c in page.columns if c.kind == "choice"}
    data = {
        "columns": columns,
        "picks": picks,
        "rows": {name: values for name, values in page.rows.items() if name not in choices},
        "choices": {name: _coded(page.rows[name]) for name in sorted(choices)},
        "piece": PIECE,
        "drawings": {expression: place for place, expression in enumerate(page.drawings)},
    }
    return document(
        "answers.html",
        page,
        (_library("tabulator.min.js"), template("answers.js")),
        _library("tabulator.min.css") + template("page.css") + template("answers.css"),
        data=Markup(json_for_script(data)),
        pieces=Markup(json_for_script(pieces)),
        drawings=[Markup(svg) for svg in page.drawings.values()],
    )


def _coded(column: Sequence[Any]) -> dict[str, list[Any]]:
    """Few values that are repeated: each once, and which of them stands in each row."""
    values = sorted(set(column), key=lambda value: (value is None, value))
    place = {value: number for number, value in enumerate(values)}
    return {"values": values, "of": [place[value] for value in column]}


def _packed(values: Any) -> str:
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str)
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def _library(name: str) -> str:
    text = resources.files("optiq.report").joinpath("tabulator", name).read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script").replace("</style", "<\\/style")
