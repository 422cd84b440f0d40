"""Charts of calibration: means by bin, what was observed over time, order of plans within topics."""

from __future__ import annotations

from typing import Any

import polars as pl

from optiq.report.chart_spec import spec
from optiq.report.charts import NAMES
from optiq.report.text import clean


def reliability(bins: pl.DataFrame) -> dict[str, Any]:
    """Observed against predicted mean quality per bin, with the interval of the mean and the line of equality.

    ``bins``: task, predicted, observed, observed_low, observed_high, n_executions.
    """
    import altair as alt

    rows = [_short(row) for row in bins.iter_rows(named=True)]
    for row in rows:
        row["low"] = row["observed_low"] if row["observed_low"] is not None else row["observed"]
        row["high"] = row["observed_high"] if row["observed_high"] is not None else row["observed"]
    scale = alt.Scale(domain=[0, 1])
    line = (
        alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        .mark_line(strokeDash=[4, 4], opacity=0.6)
        .encode(x="x:Q", y="y:Q")
    )
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("predicted:Q", title="predicted quality (QoA)", scale=scale),
        color=alt.Color("task:N", legend=alt.Legend(orient="top", title=None)),
    )
    bars = base.mark_rule(opacity=0.5, strokeWidth=1.5).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    marks = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("observed:Q", title="observed mean", scale=scale),
        shape=alt.Shape("task:N", legend=None),
        tooltip=[
            alt.Tooltip("task:N"),
            alt.Tooltip("predicted:Q", format=".2f"),
            alt.Tooltip("observed:Q", format=".2f"),
            alt.Tooltip("n_executions:Q", title="answers"),
        ],
    )
    return spec(line + bars + marks, 260)


def weeks(frame: pl.DataFrame) -> dict[str, Any]:
    """Observed by predicted mean per week and metric; on the line both are equal. ``frame``: week, metric, ratio, n."""
    import altair as alt

    rows = [
        {
            "week": f"{row['week']:%d %b %Y}",
            "metric": NAMES[row["metric"]],
            "ratio": float(f"{row['ratio']:.5g}"),
            "n": row["n"],
        }
        for row in frame.iter_rows(named=True)
    ]
    order = list(dict.fromkeys(row["week"] for row in rows))
    one = alt.Chart(alt.Data(values=[{"y": 1}])).mark_rule(strokeDash=[4, 4], opacity=0.6).encode(y="y:Q")
    lines = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("week:O", title="week of", sort=order),
            y=alt.Y("ratio:Q", title="observed / predicted mean", scale=alt.Scale(zero=False)),
            color=alt.Color("metric:N", legend=alt.Legend(orient="top", title=None)),
            tooltip=[
                "week:O",
                "metric:N",
                alt.Tooltip("ratio:Q", format=".2f"),
                alt.Tooltip("n:Q", title="answers"),
            ],
        )
    )
    return spec(one + lines, 240)


def ranks(frame: pl.DataFrame) -> dict[str, Any]:
    """Rank correlation per topic as bars from 0. ``frame``: topic, task, rank_correlation, n_plans."""
    import altair as alt

    tasks = frame["task"].n_unique() > 1
    rows = [
        {
            "topic": clean(row["topic"], 60) + (f" ({row['task']})" if tasks else ""),
            "value": round(row["rank_correlation"], 3),
            "plans": row["n_plans"],
        }
        for row in frame.sort("rank_correlation", "topic", descending=[True, False]).iter_rows(named=True)
    ]
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar()
        .encode(
            x=alt.X(
                "value:Q",
                title="rank correlation",
                scale=alt.Scale(domain=[-1, 1]),
            ),
            y=alt.Y("topic:N", title=None, sort=[row["topic"] for row in rows]),
            tooltip=["topic:N", alt.Tooltip("value:Q", format=".2f"), alt.Tooltip("plans:Q")],
        )
    )
    return spec(chart, max(100, 24 * len(rows) + 20))


def _short(row: dict[str, Any]) -> dict[str, Any]:
    return {name: float(f"{v:.5g}") if isinstance(v, float) else v for name, v in row.items()}
