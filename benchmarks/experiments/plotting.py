"""An experiment as a picture: a panel per metric and kind of question, a line per policy, published figures open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.experiments.setting import Experiment
from optiq.errors import InputError
from optiq.files.atomic import replacing

LARGEST_X = 9.0
"""Settings that are no steps on a scale, such as pools, come after it and are not drawn."""

WIDTH, HEIGHT = 400, 270

_COLOURS = {
    "opti-q": "#d55e00",
    "opti-q, 95% sure": "#7f3b08",
    "opti-q-paper": "#f0c419",
    "best-single": "#0072b2",
    "best-single, 95% sure": "#03396c",
    "best-single-per-topic": "#56b4e9",
    "frugalgpt": "#009e73",
    "thriftllm": "#44aa99",
    "llm-ensemble": "#117733",
    "llm-blender": "#999933",
    "random": "#9ca3af",
    "oracle": "#374151",
    "authors' predicted best": "#aa4499",
    "authors' best run": "#cc79a7",
    "every plan that the authors ran": "#ddb4d0",
}
_BOUND = " (hindsight, a bound)"
_OTHERS = ("#882255", "#332288", "#661100", "#6699cc", "#888888", "#000000", "#b45f06", "#20b2aa", "#c71585")


def draw(experiment: Experiment, table: pl.DataFrame, path: str | Path) -> None:
    """Write the picture, SVG or PNG by suffix."""
    check_picture(path)
    import vl_convert

    spec = chart(experiment, table).to_json()
    content = (
        vl_convert.vegalite_to_svg(spec).encode()
        if Path(path).suffix == ".svg"
        else bytes(vl_convert.vegalite_to_png(spec, scale=2))
    )
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def check_picture(path: str | Path) -> None:
    """:class:`~optiq.errors.InputError` if the suffix is not one of a picture."""
    if Path(path).suffix not in (".svg", ".png"):
        raise InputError(f"{path} is neither .svg nor .png", "Name the plot with one of these suffixes.")


def chart(experiment: Experiment, table: pl.DataFrame) -> Any:
    """The picture as an Altair chart."""
    import altair as alt

    drawn = [metric for metric, _ in experiment.plotted]
    drawn += [f"{metric}_low" for metric in drawn if f"{metric}_low" in table.columns]
    something = pl.any_horizontal(pl.col(name).is_not_null() for name in drawn)
    shown = table.filter(pl.col("x") <= LARGEST_X, something).with_columns(
        policy=pl.col("policy")
        + pl.when(pl.col("what") == "hindsight").then(pl.lit(_BOUND)).otherwise(pl.lit(""))
    )
    names = shown["policy"].unique(maintain_order=True).to_list()
    spare = iter(_OTHERS * len(names))
    colours = [_COLOURS.get(name.removesuffix(_BOUND)) or next(spare) for name in names]
    colour = alt.Color(
        "policy:N",
        title=None,
        scale=alt.Scale(domain=names, range=colours),
        legend=alt.Legend(labelLimit=320, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    panels = []
    for metric, title in experiment.plotted:
        row = [
            _panel(alt, shown.filter(pl.col("questions") == kind), metric, title, kind, experiment, colour)
            for kind in shown["questions"].unique(maintain_order=True)
        ]
        panels.append(alt.hconcat(*row))
    found = alt.vconcat(*panels).resolve_scale(y="independent", color="shared")
    return found.properties(title=experiment.title).configure_title(anchor="start")


def _panel(
    alt: Any, part: pl.DataFrame, metric: str, title: str, kind: str, experiment: Experiment, colour: Any
) -> Any:
    low, high = f"{metric}_low", f"{metric}_high"
    bounds = [pl.col(low), pl.col(high)] if low in part.columns else []
    factor = 1000.0 if metric.endswith("cost_usd") else 1.0
    columns: list[Any] = ["x", "policy", "what", (pl.col(metric) * factor).alias("y")]
    rows = part.select(*columns, *bounds).rename({low: "low", high: "high"}, strict=False).to_dicts()
    # one beside the other, so that intervals can be told apart
    order = part["policy"].unique(maintain_order=True).to_list()
    for record in rows:
        place = order.index(record["policy"]) - (len(order) - 1) / 2
        record["at"] = record["x"] + 0.5 * place / max(len(order), 1)
    xs = sorted({record["x"] for record in rows})
    axis = alt.Axis(values=xs, format="d")
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(
            "at:Q", title=experiment.x_title, axis=axis, scale=alt.Scale(nice=False, zero=False, padding=12)
        ),
        color=colour,
    )
    y = alt.Y("y:Q", title=title, scale=alt.Scale(zero=False))
    dash = alt.condition("datum.what === 'hindsight'", alt.value([2, 3]), alt.value([1, 0]))
    ours = base.transform_filter("datum.what !== 'published' && isValid(datum.y)")
    theirs = base.transform_filter("datum.what === 'published'")
    layers = [
        ours.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash),
        ours.mark_point(filled=True, size=28, opacity=1).encode(y=y),
        theirs.transform_filter("isValid(datum.y)")
        .mark_point(filled=False, size=80, shape="diamond", strokeWidth=2)
        .encode(y=y),
    ]
    if bounds:
        y_low = alt.Y("low:Q", title=title, scale=alt.Scale(zero=False))
        whiskers = base.transform_filter("isValid(datum.low)")
        layers.insert(0, whiskers.mark_rule(opacity=0.35).encode(y=y_low, y2="high:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=kind)
