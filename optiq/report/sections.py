"""The parts of a page that several kinds of report share, from frames of the chart views."""

from __future__ import annotations

from typing import Any

import polars as pl

from optiq.plans.drawing_svg import draw_svg
from optiq.plans.plan import Plan
from optiq.questions.metric import ADDITIVE, BY_NAME, COST, METRIC_NAMES, RESOURCE_NAMES
from optiq.report import charts
from optiq.report.page import Chart, Section, Table
from optiq.report.text import change, clean, count, number, percent, usd

UNMEASURED = "published or estimated, not measured"
KNOWN, BEST = "measured before", "measured, on the frontier"
FRONTIER_SERIES = (UNMEASURED, KNOWN, BEST)
"""The series of plans by what is known of them, in the order in which they are drawn."""
LARGEST_DRAWING = 8
_OTHERS = tuple(metric.name for metric in ADDITIVE if metric is not COST)


def figure(metric: str, value: float | None) -> str:
    """A value of a metric with its unit."""
    if metric == "cost_usd":
        return usd(value)
    return number(value) + (f" {BY_NAME[metric].unit}".rstrip() if value is not None else "")


def word(metric: str) -> str:
    """What a metric is called in running text."""
    return charts.NAMES[metric].lower()


def known_points(frontier: pl.DataFrame) -> pl.DataFrame:
    """Points of plans that PerfDB has statistics of. What nobody ran here is not called measured."""
    series = (
        pl.when(pl.col("n_observations") == 0)
        .then(pl.lit(UNMEASURED))
        .when("on_frontier")
        .then(pl.lit(BEST))
        .otherwise(pl.lit(KNOWN))
    )
    return frontier.select(
        "metric", "plan", "value", "qoa", series=series, n=pl.col("n_observations").cast(pl.Int64)
    )


def used_points(plans: pl.DataFrame, series: str) -> pl.DataFrame:
    """Points of the plans that a run used: where the planner expected them, else where they were observed."""
    return plans.select(
        "metric",
        "plan",
        value=pl.coalesce("predicted", "observed"),
        qoa=pl.coalesce("predicted_qoa", "qoa"),
        series=pl.lit(series),
        n=pl.col("n_questions").cast(pl.Int64),
    ).drop_nulls(["value", "qoa"])


def frontier_charts(points: pl.DataFrame, order: list[str]) -> list[Chart]:
    """Quality against each price that is known."""
    found = []
    for metric in RESOURCE_NAMES:
        part = points.filter((pl.col("metric") == metric) & (pl.col("value") > 0))
        series = [name for name in order if name in set(part["series"])]
        if part.height:
            title = f"Quality against {word(metric)}"
            low, high = part.select(low=pl.col("qoa").min(), high=pl.col("qoa").max()).row(0)
            said = f"{title}: {part.height} plans, {low:.2f} to {high:.2f} QoA"
            found.append(Chart(title, said, charts.quality_against(metric, part, series)))
    return found


def _correlation(value: float | None) -> str:
    """To hundredths: what sums leave of none (2e-17) is none."""
    return number(None if value is None else round(value, 2), 2)


def prediction_section(points: pl.DataFrame, errors: pl.DataFrame, most: int) -> Section | None:
    """What was expected against what came."""
    if errors.is_empty():
        return None
    by_metric = {row["metric"]: row for row in errors.iter_rows(named=True)}
    shown = [name for name in METRIC_NAMES if name in by_metric]
    drawn = [
        Chart(
            charts.NAMES[name],
            f"Predicted against observed {word(name)} of {by_metric[name]['n']} answers",
            charts.predicted_observed(name, points.filter(pl.col("metric") == name)),
        )
        for name in shown
    ]
    rows = []
    for name in shown:
        row = by_metric[name]
        off = "–" if name == "qoa" else change(row["predicted"], row["observed"])
        rows.append(
            [
                charts.NAMES[name],
                count(row["n"]),
                figure(name, row["predicted"]),
                figure(name, row["observed"]),
                off,
                figure(name, row["error"]),
                _correlation(row["correlation"]),
            ]
        )
    columns = ["metric", "answers", "predicted", "observed", "difference", "mean error", "correlation"]
    largest = max(row["n"] for row in by_metric.values())
    note = "On the dashed line both are equal; marks above it cost, took or yielded more than expected."
    if largest > most:
        note += f" Of {largest:,} answers {most:,} are drawn, chosen by the digests of their ids; the table has all."
    return Section(
        "predictions",
        "Predicted against observed",
        _off(by_metric),
        charts=drawn,
        tables=[Table("Means per question", columns, rows)],
        note=note,
    )


def _off(by_metric: dict[str, Any]) -> str:
    """The sentence on how far predictions were off."""
    parts = []
    for name in RESOURCE_NAMES:
        row = by_metric.get(name)
        if row and row["predicted"]:
            relative = row["observed"] / row["predicted"] - 1
            size = (
                "as predicted"
                if abs(relative) < 0.02
                else f"{percent(abs(relative))} {'above' if relative > 0 else 'below'}"
            )
            parts.append(f"{word(name)} {size}")
    if (row := by_metric.get("qoa")) is not None:
        off = row["observed"] - row["predicted"]
        size = "as predicted" if abs(off) < 0.01 else f"{abs(off):.2f} {'above' if off > 0 else 'below'}"
        parts.append(f"quality {size}")
    return f"Compared with what the planner expected, the means came out: {', '.join(parts)}."


def spend_section(spend: pl.DataFrame, what: str) -> Section | None:
    """Where the money and the calls went."""
    if spend.is_empty():
        return None
    numbers = [name for name, dtype in spend.schema.items() if dtype.is_numeric()]
    models = (
        spend.group_by("model").agg(pl.col(numbers).sum()).sort("cost_usd", "model", descending=[True, False])
    )
    priced = float(spend["cost_usd"].drop_nulls().sum())
    by, title = ("cost_usd", "spend, USD") if priced > 0 else ("n_calls", "calls")
    small = by == "cost_usd" and priced < 1e-2
    drawn_from = spend.with_columns(pl.col("cost_usd").fill_null(0.0) * (1e6 if small else 1.0))
    title = "spend, millionths of a USD" if small else title
    unpriced = int(spend["n_calls_without_cost"].sum())
    rows = [
        [
            clean(row["model"], 80),
            count(row["n_calls"]),
            count(row["n_cached"]),
            count(row["n_failed"]),
            usd(row["cost_usd"])
            if row["n_calls_without_cost"] < row["n_calls"] or not row["n_calls"]
            else "–",
            *(
                figure(name, row[name]) if row[name] is not None else f"– {BY_NAME[name].unit}"
                for name in _OTHERS
            ),
            f"{number(row['busy_s'])} s",
            count(row["output_tokens"]),
        ]
        for row in models.iter_rows(named=True)
    ]
    columns = [
        "model",
        "calls",
        "from cache",
        "failed",
        "spend",
        *map(word, _OTHERS),
        "busy",
        "output tokens",
    ]
    first, calls = models.row(0, named=True), int(models["n_calls"].sum())
    share = first["cost_usd"] / priced if priced else first["n_calls"] / max(calls, 1)
    told = f"{clean(first['model'], 80)} took {percent(share)} of {'the spend' if priced else 'the calls'}"
    chart = Chart(
        "By topic and model",
        f"{title} by topic and model",
        charts.stacked_bars(drawn_from, "topic", "model", by, title),
        wide=True,
    )
    return Section(
        "spend",
        "Spend",
        f"{what} made {count(calls, 'call')} for {usd(priced)}; {told if calls else 'all came from the cache'}.",
        charts=[chart] if calls else [],
        tables=[Table("By model", columns, rows)],
        note=f"The cost of {count(unpriced, 'call')} is unknown; they are not free." if unpriced else "",
    )


def drawings_section(plans: pl.DataFrame, title: str, takeaway: str, said: str) -> Section | None:
    """Plans as drawings. ``plans``: plan (JSON), expression, and what is said about each, a column ``said``."""
    drawn = []
    for row in plans.iter_rows(named=True):
        plan = Plan.parse(row["plan"])
        if plan.k <= LARGEST_DRAWING:
            drawn.append((clean(row[said], 200), drawing(plan)))
    return Section("plans", title, takeaway, drawings=drawn) if drawn else None


def drawing(plan: Plan) -> str:
    """A plan as SVG that can stand in a page."""
    return _harmless(draw_svg(_cleaned(plan)))


def _cleaned(plan: Plan) -> Plan:
    return Plan.from_key(plan.key) if all(clean(m, 60) == m for m in plan.models) else _renamed(plan)


def _renamed(plan: Plan) -> Plan:
    """The plan with model names that can be shown."""
    import json

    return Plan.parse(
        json.dumps({"models": [clean(m, 60) or "?" for m in plan.models], "edges": list(plan.edges)})
    )


def _harmless(svg: str) -> str:
    # Drawings come from our own code with escaped names; inside HTML they need no name space.
    return svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1)


def topics_section(topics: pl.DataFrame) -> Section | None:
    """Topics with the words that tell them apart."""
    if topics.is_empty():
        return None
    shown = [
        (clean(row["topic"], 80), count(row["n_questions"], "question"), [clean(w, 40) for w in row["words"]])
        for row in topics.iter_rows(named=True)
    ]
    takeaway = (
        "What the topic model learned from questions that came with a topic, the most telling words first."
    )
    return Section("topics", "Topics", takeaway, topics=shown)


def unknown_section(coverage: pl.DataFrame, uncertain: pl.DataFrame) -> Section | None:
    """What PerfDB does not know yet."""
    if coverage.is_empty():
        return None
    blank = int((coverage["n_judged"] == 0).sum())
    few = int(coverage["n_judged"].is_between(1, 29).sum())
    tasks = coverage["task"].n_unique() > 1
    row_name = pl.format("{} ({})", "topic", "task") if tasks else pl.col("topic")
    cells = coverage.select("model", "n_judged", "qoa", row=row_name)
    pairs = count(cells.height, "pair")
    none = f"Of {pairs} of topic and model {blank:,} {'has' if blank == 1 else 'have'} no judged answer, "
    told = (
        f"{none if blank else f'All {pairs} of topic and model have judged answers, '}{few:,} of them fewer than 30: "
        "there, estimates lean on published figures and on other topics."
    ).replace("answer, ", "answer and ", 1)
    told = told.replace(" of them fewer", " fewer") if blank else told
    rows = [
        [
            clean(r["plan"], 120),
            clean(r["topic"], 60),
            clean(r["task"], 40),
            count(r["n_qoa"]),
            number(r["qoa"], 2),
            f"{number(r['qoa_low'], 2)} to {number(r['qoa_high'], 2)}",
        ]
        for r in uncertain.iter_rows(named=True)
    ]
    tables = [
        Table(
            "Measured plans whose quality is least certain",
            ["plan", "topic", "form", "judged", "QoA", "95 %"],
            rows,
            left=3,
        )
    ]
    said = f"Judged answers of {coverage['model'].n_unique()} models on {cells['row'].n_unique()} topics"
    return Section(
        "unknown",
        "What PerfDB does not know yet",
        told,
        charts=[Chart("Judged answers per topic and model", said, charts.coverage(cells), wide=True)],
        tables=tables if rows else (),
        note="The command optiq calibrate runs labelled questions to learn more.",
    )
