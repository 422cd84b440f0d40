"""Charts of a report as Vega-Lite specifications, made with Altair; colours come from the page, light or dark.

Cost is drawn in USD per 1,000 questions: single answers cost millionths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from optiq.questions.metric import BY_NAME, METRICS, QOA
from optiq.report.chart_spec import spec
from optiq.report.text import clean

NAMES = {metric.name: "Quality" if metric is QOA else metric.word.capitalize() for metric in METRICS}
"""What metrics are called in reports, which people read who know no QoA."""

# Seen on light and on dark paper, told apart with any colour vision: what is known, and what this page is about.
_MUTED = ["#8a94a1", "#d98200", "#cc79a7", "#009e73"]
_STRONG = "#1790d8"
_MOST_BARS = 12


def quality_against(metric: str, points: pl.DataFrame, series: Sequence[str]) -> dict[str, Any]:
    """Quality against one metric. ``points``: plan, value, qoa, series, n (size); one mark per row."""
    import altair as alt

    title, factor = BY_NAME[metric].chart_title, BY_NAME[metric].chart_scale
    rows = _rows(points.with_columns(value=pl.col("value") * factor))
    # Different shapes too: colour alone tells some readers nothing.
    shapes = ["circle", "square", "diamond", "triangle-up", "cross"][: len(series)]
    colours = [*_MUTED[: len(series) - 1], _STRONG] if len(series) > 1 else [_STRONG]
    # The last series lies on top.
    order = {name: place for place, name in enumerate(series)}
    rows.sort(key=lambda row: order[row["series"]])
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_point(filled=True, opacity=0.9, strokeWidth=1)
        .encode(
            x=alt.X(
                "value:Q",
                title=title,
                scale=alt.Scale(type=_scale(rows, "value"), nice=True),
                axis=_axis(alt),
            ),
            y=alt.Y("qoa:Q", title="quality (QoA)", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "series:N", scale=alt.Scale(domain=list(series), range=colours), legend=_legend(alt, 1)
            ),
            shape=alt.Shape(
                "series:N", scale=alt.Scale(domain=list(series), range=shapes), legend=_legend(alt, 1)
            ),
            size=alt.condition(alt.datum.series == series[-1], alt.value(150), alt.value(60)),
            tooltip=[
                alt.Tooltip("plan:N"),
                alt.Tooltip("series:N", title="is"),
                alt.Tooltip("value:Q", title=title, format=".3~g"),
                alt.Tooltip("qoa:Q", title="QoA", format=".2f"),
                alt.Tooltip("n:Q", title="questions"),
            ],
        )
    )
    return spec(chart)


def predicted_observed(metric: str, points: pl.DataFrame) -> dict[str, Any]:
    """Predicted against observed with the line on which both are equal. ``points``: predicted, observed, topic."""
    import altair as alt

    title, factor = BY_NAME[metric].chart_title, BY_NAME[metric].chart_scale
    rows = _rows(points.with_columns(pl.col("predicted", "observed") * factor))
    values = [row[name] for row in rows for name in ("predicted", "observed")]
    low, high = (0.0, 1.0) if metric == "qoa" else (min(values), max(values))
    scale: Any = "log" if low > 0 and high / low > 30 else "linear"
    low = low if scale == "log" else 0.0
    domain = alt.Scale(type=scale, domain=[low, high or 1.0], nice=metric != "qoa")
    diagonal = (
        alt.Chart(alt.Data(values=[{"x": low, "y": low}, {"x": high, "y": high}]))
        .mark_line(strokeDash=[4, 4], opacity=0.6)
        .encode(x="x:Q", y="y:Q")
    )
    marks = (
        alt.Chart(alt.Data(values=rows))
        .mark_circle(opacity=0.35 if len(rows) > 100 else 0.6, size=30)
        .encode(
            x=alt.X("predicted:Q", title=f"predicted {title}", scale=domain, axis=_axis(alt)),
            y=alt.Y("observed:Q", title="observed", scale=domain, axis=_axis(alt)),
            tooltip=[
                alt.Tooltip("topic:N"),
                alt.Tooltip("predicted:Q", format=".3~g"),
                alt.Tooltip("observed:Q", format=".3~g"),
            ],
        )
    )
    return spec(diagonal + marks)


def stacked_bars(frame: pl.DataFrame, category: str, part: str, value: str, title: str) -> dict[str, Any]:
    """One bar per ``category``, the longest first, made of ``part``s; small ones together."""
    import altair as alt

    sums = frame.group_by(category).agg(pl.col(value).sum()).sort(value, category, descending=[True, False])
    shown = sums.head(_MOST_BARS)[category].to_list()
    grouped = frame.with_columns(
        pl.when(pl.col(category).is_in(shown))
        .then(pl.col(category))
        .otherwise(pl.lit("all others"))
        .alias(category)
    )
    grouped = grouped.group_by(category, part).agg(pl.col(value).sum()).sort(category, part)
    order = [clean(name, 60) for name in [*shown, "all others"]]
    chart = (
        alt.Chart(alt.Data(values=_rows(grouped)))
        .mark_bar()
        .encode(
            x=alt.X(f"{value}:Q", title=title, axis=_axis(alt)),
            y=alt.Y(f"{category}:N", title=None, sort=order),
            color=alt.Color(f"{part}:N", legend=_legend(alt)),
            tooltip=[f"{category}:N", f"{part}:N", alt.Tooltip(f"{value}:Q", title=title, format=".3~g")],
        )
    )
    return spec(chart, height=max(120, 26 * grouped[category].n_unique() + 20))


def columns_over_time(frame: pl.DataFrame, value: str, title: str) -> dict[str, Any]:
    """Stacked columns per day. ``frame``: day, model and ``value``."""
    import altair as alt

    chart = (
        alt.Chart(alt.Data(values=_rows(frame)))
        .mark_bar()
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelOverlap="greedy", labelSeparation=4)),
            y=alt.Y(f"{value}:Q", title=title, axis=_axis(alt)),
            color=alt.Color("model:N", legend=_legend(alt)),
            tooltip=["day:O", "model:N", alt.Tooltip(f"{value}:Q", title=title, format=".3~g")],
        )
    )
    return spec(chart)


def coverage(frame: pl.DataFrame) -> dict[str, Any]:
    """Judged answers per topic and model as a grid. ``frame``: row (topic), model, n_judged, qoa."""
    import altair as alt

    base = alt.Chart(alt.Data(values=_rows(frame))).encode(
        x=alt.X("model:N", title=None, axis=alt.Axis(labelAngle=-40, labelLimit=120)),
        y=alt.Y("row:N", title=None, axis=alt.Axis(labelLimit=150)),
    )
    cells = base.mark_rect(stroke="transparent", strokeWidth=2).encode(
        color=alt.Color(
            "n_judged:Q",
            title="judged answers",
            scale=alt.Scale(type="symlog", domainMin=0),
            legend=alt.Legend(orient="top", gradientLength=140),
        ),
        tooltip=[
            "row:N",
            "model:N",
            alt.Tooltip("n_judged:Q", title="judged answers"),
            alt.Tooltip("qoa:Q", format=".2f"),
        ],
    )
    labels = base.mark_text(fontWeight="bold").encode(text="n_judged:Q")
    return spec(cells + labels, height=max(120, 30 * frame["row"].n_unique() + 20))


def two_dots(frame: pl.DataFrame, metric: str, names: tuple[str, str]) -> dict[str, Any]:
    """A pair of dots per topic, before and after. ``frame``: topic, before, after."""
    import altair as alt

    title, factor = BY_NAME[metric].chart_title, BY_NAME[metric].chart_scale
    rows = [
        {"topic": clean(row["topic"], 60), "which": name, "value": row[key] * factor}
        for row in frame.iter_rows(named=True)
        for key, name in zip(("before", "after"), names, strict=True)
        if row[key] is not None
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("topic:N", title=None))
    lines = base.mark_line(opacity=0.5).encode(x="value:Q", detail="topic:N")
    dots = base.mark_point(filled=True, size=90).encode(
        x=alt.X(
            "value:Q",
            title=title,
            axis=_axis(alt),
            scale=alt.Scale(domain=[0, 1]) if metric == "qoa" else alt.Scale(),
        ),
        color=alt.Color("which:N", scale=alt.Scale(domain=list(names)), legend=_legend(alt)),
        shape=alt.Shape("which:N", scale=alt.Scale(domain=list(names)), legend=_legend(alt)),
        tooltip=["topic:N", "which:N", alt.Tooltip("value:Q", title=title, format=".3~g")],
    )
    return spec(lines + dots, height=max(120, 26 * frame.height + 20))


def accuracy_against(metric: str, frame: pl.DataFrame, series: Sequence[str]) -> dict[str, Any]:
    """Accuracy with its interval against one metric.

    ``frame``: combination, value, accuracy, low, high, series, runs.
    """
    import altair as alt

    title, factor = BY_NAME[metric].chart_title, BY_NAME[metric].chart_scale
    rows = _rows(frame.with_columns(value=pl.col("value") * factor))
    order = {name: place for place, name in enumerate(series)}
    rows.sort(key=lambda row: order[row["series"]])  # the last series lies on top
    colours = [*_MUTED[: len(series) - 1], _STRONG]
    shapes = ["circle", "square", "diamond"][-len(series) :]
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(
            "value:Q",
            title=title.replace("question", "example"),
            scale=alt.Scale(type=_scale(rows, "value"), nice=True),
            axis=_axis(alt),
        ),
        color=alt.Color("series:N", scale=alt.Scale(domain=list(series), range=colours), legend=_legend(alt)),
        tooltip=[
            alt.Tooltip("combination:N"),
            alt.Tooltip("series:N", title="is"),
            alt.Tooltip("accuracy:Q", format=".3f"),
            alt.Tooltip("low:Q", title="at least (95 %)", format=".3f"),
            alt.Tooltip("high:Q", title="at most (95 %)", format=".3f"),
            alt.Tooltip("value:Q", title=title, format=".3~g"),
            alt.Tooltip("runs:Q"),
        ],
    )
    plain = alt.value(0.2 if len(rows) > 20 else 0.5)
    strong = alt.condition(alt.datum.series == series[-1], alt.value(0.9), plain)
    bars = base.mark_rule().encode(y="low:Q", y2="high:Q", opacity=strong)
    marks = base.mark_point(filled=True, opacity=0.9).encode(
        y=alt.Y("accuracy:Q", title="accuracy", scale=alt.Scale(zero=False, nice=True)),
        shape=alt.Shape("series:N", scale=alt.Scale(domain=list(series), range=shapes), legend=_legend(alt)),
        size=alt.condition(alt.datum.series == series[-1], alt.value(150), alt.value(60)),
    )
    return spec(bars + marks, height=320)


def runs_of_combinations(frame: pl.DataFrame, most: int) -> dict[str, Any]:
    """How many of ``most`` examples each combination was run on. ``frame``: combination, runs, standing, in order."""
    import altair as alt

    rows = _rows(frame)
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("runs:Q", title="examples run", scale=alt.Scale(domain=[0, most]), axis=_axis(alt)),
            y=alt.Y(
                "combination:N",
                title=None,
                sort=[row["combination"] for row in rows],
                axis=alt.Axis(labelLimit=260),
            ),
            color=alt.Color("standing:N", legend=_legend(alt)),
            tooltip=["combination:N", "standing:N", "runs:Q"],
        )
    )
    return spec(chart, height=max(120, 22 * len(rows) + 20))


def _scale(rows: list[dict[str, Any]], name: str) -> Any:
    """Logarithmic where figures are far apart and above 0."""
    values = [row[name] for row in rows]
    return "log" if values and min(values) > 0 and max(values) / min(values) > 30 else "linear"


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with five significant digits and harmless text."""
    return [{name: _value(value) for name, value in row.items()} for row in frame.iter_rows(named=True)]


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return clean(value, 80) if isinstance(value, str) else value


def _axis(alt: Any) -> Any:
    # What does not fit beside its neighbour is left out: charts are narrow on a phone.
    return alt.Axis(format=".3~r", tickCount=5, labelOverlap="greedy", labelSeparation=6, labelFlush=True)


def _legend(alt: Any, columns: int = 3) -> Any:
    return alt.Legend(orient="top", title=None, columns=columns, labelLimit=220, symbolOpacity=1)
