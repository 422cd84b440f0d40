"""Charts of an evaluation: policies by quality and cost, and how far each is from the best single model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optiq.evaluation.comparison import Compared
from optiq.questions.metric import COST
from optiq.report.chart_spec import HEIGHT, spec
from optiq.report.text import clean

POLICY, REFERENCE, BOUND = "policy", "best single model", "hindsight: a bound, no result"
_SERIES = [POLICY, REFERENCE, BOUND]
# As in optiq.report.charts: told apart with any colour vision; the bound is pale and hollow in shape.
_COLOURS = ["#1790d8", "#d98200", "#8a94a1"]
_SHAPES = ["circle", "square", "diamond"]


def series_of(one: Compared, reference: str) -> str:
    """What a line is drawn as."""
    return BOUND if one.line.hindsight else REFERENCE if one.line.policy == reference else POLICY


def quality_against_cost(lines: Sequence[Compared], reference: str) -> dict[str, Any]:
    """Mean quality of each policy with its interval against its mean cost; policies that did the same are one mark."""
    import altair as alt

    title, factor = COST.chart_title, COST.chart_scale
    together: dict[tuple[float, float], list[Compared]] = {}
    for one in lines:
        key = (float(f"{one.line.cost_usd:.5g}"), round(one.line.qoa.mean, 6))
        together.setdefault(key, []).append(one)
    rows: list[dict[str, Any]] = []
    for place, ((cost, qoa), same) in enumerate(sorted(together.items())):
        # the reference gives a mark its colour, and a policy before a bound
        same.sort(
            key=lambda one: _SERIES.index(series_of(one, reference)) if one.line.policy != reference else -1
        )
        names = [clean(one.line.policy, 40) for one in same]
        more = f" +{len(names) - 1}" if len(names) > 1 else ""
        rows.append(
            {
                "policy": ", ".join(names),
                "label": names[0] + more,
                "above": place % 2 == 0,
                "series": series_of(same[0], reference),
                "cost": _short(cost * factor),
                "qoa": _short(qoa),
                "low": _short(same[0].line.qoa.low),
                "high": _short(same[0].line.qoa.high),
                "n": same[0].line.questions,
            }
        )
    costs = [row["cost"] for row in rows]
    far = min(costs) > 0 and max(costs) / min(costs) > 8
    x = alt.X(
        "cost:Q",
        title=title,
        scale=alt.Scale(type="log", nice=True) if far else alt.Scale(zero=False, nice=True),
        axis=alt.Axis(format=".3~r", tickCount=5),
    )
    y = alt.Y("qoa:Q", title="quality (QoA)", scale=alt.Scale(zero=False, nice=True))
    base = alt.Chart(alt.Data(values=rows))
    colour = alt.Color("series:N", scale=alt.Scale(domain=_SERIES, range=_COLOURS), legend=_legend(alt))
    bars = base.mark_rule(opacity=0.35, strokeWidth=1.5).encode(
        x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour
    )
    marks = base.mark_point(filled=True, opacity=1, size=80).encode(
        x=x,
        y=y,
        color=colour,
        shape=alt.Shape("series:N", scale=alt.Scale(domain=_SERIES, range=_SHAPES), legend=_legend(alt)),
        tooltip=[
            alt.Tooltip("policy:N"),
            alt.Tooltip("series:N", title="is"),
            alt.Tooltip("cost:Q", title=title, format=".3~g"),
            alt.Tooltip("qoa:Q", title="QoA", format=".3f"),
            alt.Tooltip("low:Q", title="95 % from", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
            alt.Tooltip("n:Q", title="questions"),
        ],
    )
    # neighbours on the scale of cost are named above and below in turn
    above, below = (
        base.transform_filter(f"datum.above === {side}")
        .mark_text(align="left", dx=8, dy=dy, fontSize=11)
        .encode(x=x, y=y, text="label:N")
        for side, dy in (("true", -7), ("false", 10))
    )
    return spec(bars + marks + above + below, HEIGHT + 80)


def differences(lines: Sequence[Compared], reference: str) -> dict[str, Any]:
    """How far each policy is above the reference on the questions that both answered, with its interval."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "policy": clean(one.line.policy, 40),
            "series": series_of(one, reference),
            "mean": _short(one.line.versus.mean),
            "low": _short(one.line.versus.low),
            "high": _short(one.line.versus.high),
            "n": one.line.questions,
        }
        for one in lines
        if one.line.policy != reference and one.line.questions
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("policy:N", title=None, sort=[row["policy"] for row in rows], axis=alt.Axis(labelLimit=220)),
        color=alt.Color("series:N", scale=alt.Scale(domain=_SERIES, range=_COLOURS), legend=None),
    )
    zero = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(strokeDash=[4, 4], opacity=0.7).encode(x="x:Q")
    bars = base.mark_rule(strokeWidth=2, opacity=0.6).encode(x=alt.X("low:Q"), x2="high:Q")
    marks = base.mark_point(filled=True, opacity=1, size=70).encode(
        x=alt.X(
            "mean:Q",
            title=f"QoA above {reference}, 95 % interval",
            axis=alt.Axis(format="+.2~f", tickCount=6),
        ),
        shape=alt.Shape("series:N", scale=alt.Scale(domain=_SERIES, range=_SHAPES), legend=None),
        tooltip=[
            alt.Tooltip("policy:N"),
            alt.Tooltip("mean:Q", title="above by", format="+.3f"),
            alt.Tooltip("low:Q", title="95 % from", format="+.3f"),
            alt.Tooltip("high:Q", title="to", format="+.3f"),
            alt.Tooltip("n:Q", title="questions"),
        ],
    )
    return spec(zero + bars + marks, max(120, 24 * len(rows) + 30))


def _legend(alt: Any) -> Any:
    return alt.Legend(orient="top", title=None, columns=3, labelLimit=220, symbolOpacity=1)


def _short(value: float) -> float:
    return float(f"{value:.5g}")
