"""The frontier as a picture: accuracy with its interval against cost, latency by size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError
from optiq.files.chart_file import check_picture, write_chart
from optiq.selection.space import Space


def draw_frontier(frame: pl.DataFrame, space: Space, path: str | Path) -> None:
    """Write the plot of a result's frame; SVG or PNG by suffix.

    Without any known cost the axis is latency; :class:`~optiq.errors.InputError` if there is neither.
    """
    check_picture(path)
    axis = next((name for name in ("cost_usd", "latency_s") if frame[name].is_not_null().any()), None)
    if axis is None:
        raise InputError("neither cost nor latency is known, so there is no frontier to draw", "Give prices.")
    title = "USD per example" if axis == "cost_usd" else "seconds per example"
    drawn = _chart(frame.filter(pl.col(axis).is_not_null()), space, axis, title)
    write_chart(drawn.to_dict(), path)


def _chart(frame: pl.DataFrame, space: Space, axis: str, title: str) -> Any:
    import altair as alt

    names = pl.concat_str([pl.col(f"role_{role}") for role in space.roles], separator=" → ")
    shown = (
        pl.when(pl.col("standing") == "chosen")
        .then(pl.lit("chosen"))
        .when(pl.col("on_frontier"))
        .then(pl.lit("frontier"))
        .otherwise(pl.lit("other"))
    )
    rows = frame.with_columns(combination=names, shown=shown).to_dicts()
    scale = alt.Scale(type="log") if frame[axis].min() > 0 else alt.Scale()  # type: ignore[operator]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(f"{axis}:Q", title=title, scale=scale),
        color=alt.Color(
            "shown:N",
            title=None,
            scale=alt.Scale(domain=["chosen", "frontier", "other"], range=["#c2410c", "#1d4ed8", "#9ca3af"]),
        ),
    )
    kept = [row for row in rows if row["shown"] != "other"]
    bars = base.mark_rule(opacity=0.5).encode(y="accuracy_low:Q", y2="accuracy_high:Q")
    points = base.mark_point(filled=True, size=70).encode(
        y=alt.Y("accuracy:Q", title="accuracy (95 % interval)", scale=alt.Scale(zero=False)),
    )
    labels = (
        alt.Chart(alt.Data(values=kept))
        .mark_text(align="left", dx=7, dy=-7, fontSize=10)
        .encode(x=f"{axis}:Q", y="accuracy:Q", text="combination:N")
    )
    return alt.layer(bars, points, labels).properties(width=640, height=400)
