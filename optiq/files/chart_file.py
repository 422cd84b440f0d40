"""A chart as a picture: a Vega-Lite specification as SVG or PNG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.files.atomic import replacing


def check_picture(path: str | Path) -> None:
    """:class:`~optiq.errors.InputError` unless ``path`` is named like a picture that can be drawn."""
    if Path(path).suffix.lower() not in (".svg", ".png"):
        raise InputError(f"cannot draw {path}", "Pictures are .svg or .png.")


def svg_of(spec: Mapping[str, Any]) -> str:
    """The chart as SVG."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(json.dumps(spec)))


def png_of(spec: Mapping[str, Any]) -> bytes:
    """The chart as PNG, twice the size for sharp print."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(json.dumps(spec), scale=2))


def write_chart(spec: Mapping[str, Any], path: str | Path) -> None:
    """Draw ``spec`` to ``path``, as its suffix says."""
    check_picture(path)
    with replacing(path) as temporary:
        if Path(path).suffix.lower() == ".svg":
            temporary.write_text(svg_of(spec), encoding="utf-8")
        else:
            temporary.write_bytes(png_of(spec))
