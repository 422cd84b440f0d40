"""Chemistry as pictures: the matrix of pairs, and chemistry maps (appendix A.4), as Vega-Lite specifications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from optiq.chemistry.complementarity import gain_map, points
from optiq.chemistry.profiles import HIGHEST_GRADE, Profile

Floats = npt.NDArray[np.float64]
Spec = dict[str, Any]

_SCHEME = "viridis"  # told apart by the colour-blind, and in print


def matrix_chart(
    models: Sequence[str], chemistry: Floats, certain: npt.NDArray[np.bool_] | None = None
) -> Spec:
    """A heat map of all pairs; pairs that noise may explain are pale and say so. A Vega-Lite specification."""
    rows = [
        {
            "a": a,
            "b": b,
            "chemistry": None if np.isnan(chemistry[i, j]) else float(chemistry[i, j]),
            "certain": bool(certain is None or certain[i, j]),
        }
        for i, a in enumerate(models)
        for j, b in enumerate(models)
        if i != j
    ]
    axes = {
        "x": {
            "field": "a",
            "type": "nominal",
            "title": None,
            "sort": list(models),
            "axis": {"labelAngle": -40},
        },
        "y": {"field": "b", "type": "nominal", "title": None, "sort": list(models)},
    }
    fade = {"condition": {"test": "datum.certain", "value": 1}, "value": 0.25}
    cells = {
        "mark": {"type": "rect", "tooltip": True},
        "encoding": {
            "color": {"field": "chemistry", "type": "quantitative", "scale": {"scheme": _SCHEME}},
            "opacity": fade,
        },
    }
    figures = {
        "mark": {"type": "text", "fontSize": 10},
        "encoding": {
            "text": {"field": "chemistry", "type": "quantitative", "format": ".2f"},
            "color": {
                "condition": {"test": "datum.certain && datum.chemistry < 0.5", "value": "white"},
                "value": "black",
            },
        },
    }
    title = "Chemistry of pairs" + ("" if certain is None else "; pale: may be noise")
    return _chart(title, rows, {"encoding": axes, "layer": [cells, figures]}, 46 * len(models))


def map_chart(ensemble: Sequence[Profile], steps: int = 40) -> Spec:
    """What a new member would add to the ensemble's complementarity, by its quality and accuracy.

    Dots are the members. A Vega-Lite specification.
    """
    axis, gains = gain_map(points(ensemble), steps)
    half = 0.5 / steps
    cells = [
        {
            "q": float(q - half),
            "q2": float(q + half),
            "a": float(a - half),
            "a2": float(a + half),
            "gain": float(gains[i, j]),
        }
        for i, a in enumerate(axis)
        for j, q in enumerate(axis)
    ]
    dots = [
        {"quality": one.quality / HIGHEST_GRADE, "accuracy": one.accuracy, "model": one.model}
        for one in ensemble
    ]
    x = {"field": "q", "type": "quantitative", "title": "quality", "scale": {"domain": [0, 1]}}
    y = {"field": "a", "type": "quantitative", "title": "accuracy", "scale": {"domain": [0, 1]}}
    layers = [
        {
            "mark": "rect",
            "encoding": {
                "x": x,
                "x2": {"field": "q2"},
                "y": y,
                "y2": {"field": "a2"},
                "color": {
                    "field": "gain",
                    "type": "quantitative",
                    "title": "gain",
                    "scale": {"scheme": _SCHEME},
                },
            },
        },
        {
            "data": {"values": dots},
            "mark": {"type": "point", "filled": True, "size": 70, "color": "white", "stroke": "black"},
            "encoding": {
                "x": {"field": "quality", "type": "quantitative"},
                "y": {"field": "accuracy", "type": "quantitative"},
                "tooltip": {"field": "model"},
            },
        },
    ]
    return _chart("What a new member would add", cells, {"layer": layers}, 320)


def _chart(title: str, rows: list[dict[str, Any]], parts: Spec, size: int) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "title": title,
        "width": size,
        "height": size,
        "background": "white",
        "data": {"values": rows},
        **parts,
    }
