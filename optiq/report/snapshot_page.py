"""The page of a snapshot: what PerfDB knows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from optiq.report import charts, sections
from optiq.report.calibration_section import calibration_of
from optiq.report.page import Chart, Page, Section, Table, Tile
from optiq.report.text import clean, count, number, usd


def snapshot_page(frames: Mapping[str, pl.DataFrame], points: int) -> Page:
    """``frames`` are those of sql/queries/report_*.sql by name, over all runs."""
    snapshot, key = frames["snapshot"].row(0, named=True), frames["run"].row(0, named=True)
    found = [
        frontier_section(frames["frontier"]),
        best_models_section(frames["best_models"]),
        sections.prediction_section(frames["points"], frames["errors"], points),
        calibration_of(frames, "PerfDB"),
        sections.spend_section(frames["spend"], "All runs together"),
        days_section(frames["days"]),
        sections.drawings_section(
            frames["frontier_plans"].with_columns(
                said=pl.format("{}: QoA {}", "task", pl.col("qoa").round(2))
            ),
            "Plans on the frontier",
            "Plans that no other measured plan beats in every respect, over all topics, the best first.",
            "said",
        ),
        sections.topics_section(frames["topics"]),
        sections.unknown_section(frames["coverage"], frames["uncertain"]),
    ]
    return Page(
        f"What PerfDB knows: snapshot {snapshot['snapshot_id'].split('-')[0].lstrip('0')}",
        f"Snapshot {snapshot['snapshot_id']}, published {snapshot['created_at']:%d %B %Y, %H:%M} UTC",
        [
            Tile("Executions", count(snapshot["executions"]), f"{count(snapshot['calls'], 'call')}"),
            Tile("Plans", count(snapshot["plans"]), f"{count(snapshot['plan_statistics'], 'statistic')}"),
            Tile("Models", count(snapshot["models"]), "published or called"),
            Tile("Topics", count(snapshot["topics"]), "with words of their own"),
            Tile("Quality (QoA)", number(key["qoa"], 2), f"{count(key['n_judged'], 'judged answer')}"),
            Tile("Spend", usd(key["cost_usd"]), f"{count(snapshot['quarantined'], 'row')} set aside"),
        ],
        [section for section in found if section is not None],
        about=[("snapshot", snapshot["snapshot_id"]), ("gate", clean(snapshot["gate"], 200))],
    )


def frontier_section(frontier: pl.DataFrame) -> Section | None:
    """Everything measured, and what is best of it."""
    if frontier.is_empty():
        return None
    best = frontier.filter("on_frontier")["plan_key"].n_unique()
    drawn = sections.frontier_charts(sections.known_points(frontier), [*sections.FRONTIER_SERIES])
    return Section(
        "frontier",
        "The frontier",
        f"Of {count(frontier['plan_key'].n_unique(), 'plan')} with statistics {best:,} are beaten by no other."
        " Figures are over all topics.",
        charts=drawn,
        note="Plans that were only published, not run, are among them. "
        "A question's own frontier depends on its topic and length.",
    )


def best_models_section(best: pl.DataFrame) -> Section | None:
    """Which single model is best where."""
    if best.is_empty():
        return None
    rows = [
        [
            "all topics" if row["topic"] == "*" else clean(row["topic"], 80),
            row["task"],
            clean(row["model"], 80),
            number(row["qoa"], 2),
            f"{number(row['qoa_low'], 2)} to {number(row['qoa_high'], 2)}"
            if row["qoa_low"] is not None
            else "only a prior",
            count(row["n_observations"])
            + (f", {row['basis']}" if row["basis"] in ("all topics", "all tasks") else ""),
            clean(row["runner_up"] or "–", 80),
        ]
        for row in best.iter_rows(named=True)
    ]
    models = best["model"].n_unique()
    columns = ["topic", "task", "model", "QoA", "95 %", "judged", "runner-up"]
    told = f"{count(models, 'model')} {'is' if models == 1 else 'are'} the best single choice on some topic."
    return Section("models", "Best single models", told, tables=[Table("By topic", columns, rows, left=3)])


def days_section(days: pl.DataFrame) -> Section | None:
    """Spend over time."""
    if days.is_empty():
        return None
    spec = charts.columns_over_time(days, "n_calls", "calls")
    n = days["day"].n_unique()
    told = f"{count(int(days['n_calls'].sum()), 'call')} on {count(n, 'day')}; times are UTC."
    return Section(
        "days", "Calls by day", told, charts=[Chart("Calls by day and model", told, spec, wide=True)]
    )
