"""From what a page has to say to one HTML document.

Everything that comes from models and files goes through :func:`~optiq.report.text.clean` and the template's
autoescape; chart specifications are JSON in which no character can end the script. The page's policy
(Content-Security-Policy) allows the two scripts in it by their hashes, and no network at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure: what it is, its value, and a line below."""

    label: str
    value: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text. ``wide`` columns (by index) hold long text; all but ``left`` ones are aligned right."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int = 1


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite specification with a title and a description for those who do not see it."""

    title: str
    description: str
    spec: dict[str, Any]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Miss:
    """A question with what was answered and what would have been right. ``facts`` are figures about it."""

    question: str
    pairs: Sequence[tuple[str, str]]
    facts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a page: a heading, one sentence that says what is seen, and what shows it."""

    name: str
    title: str
    takeaway: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    misses: Sequence[Miss] = ()
    drawings: Sequence[tuple[str, str]] = ()  # (what is said about it, SVG of optiq.plans.drawing_svg)
    topics: Sequence[tuple[str, str, Sequence[str]]] = ()  # (topic, more, words)
    code: Sequence[tuple[str, str]] = ()  # (caption, text to copy)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """All of a page. ``notices`` say what is missing from it."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    notices: Sequence[str] = ()
    about: Sequence[tuple[str, str]] = field(default=())


def render(page: Page) -> str:
    """The document, complete in itself."""
    from markupsafe import Markup

    charts = [chart for section in page.sections for chart in section.charts]
    return document(
        "page.html",
        page,
        (chart_library(), template("page.js")),
        template("page.css"),
        specs=Markup(json_for_script([chart.spec for chart in charts])),
        number_of={id(chart): place for place, chart in enumerate(charts)},
        place=id,
        drawing=Markup,
    )


def document(name: str, page: object, scripts: tuple[str, str], style: str, **values: object) -> str:
    """The template ``name`` with ``page``: a library and the page's own script inline, no other is allowed to run."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(template),
    )
    library, script = scripts
    return environment.get_template(name).render(
        page=page,
        policy=content_policy(library, script),
        style=Markup(style),
        library=Markup(library),
        script=Markup(script),
        **values,
    )


def content_policy(*scripts: str) -> str:
    """The Content-Security-Policy that allows these inline scripts, and no network."""
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def chart_library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")).replace(
        "</script", "<\\/script"
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def json_for_script(value: Any) -> str:
    """JSON that can stand in a script element: no tag, no comment and no line separator can be in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def template(name: str) -> str:
    """A file of ``templates/``."""
    return resources.files("optiq.report").joinpath("templates", name).read_text(encoding="utf-8")
