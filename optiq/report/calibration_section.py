"""How far predictions can be believed: means by bin, coverage of intervals, order of plans, and whether it gets better.

Whatever cannot be shown yet says why.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from optiq.questions.metric import METRIC_NAMES
from optiq.report import calibration_charts as drawing
from optiq.report.charts import NAMES
from optiq.report.page import Chart, Section, Table
from optiq.report.sections import figure
from optiq.report.text import count, percent

TITLE = "How far predictions can be believed"
PROMISED = 0.9


def calibration_of(frames: Mapping[str, pl.DataFrame], what: str) -> Section:
    """The section from the frames of a page (sql/queries/report_*.sql by name); earlier snapshots have none of them."""
    if "calibration" not in frames:
        told = "The snapshot was made before predictions were compared in this way; later ones have it."
        return Section("calibration", TITLE, told)
    return calibration_section(frames["calibration"], frames["ranks"], frames.get("weeks"), what)


def calibration_section(
    bins: pl.DataFrame, ranks: pl.DataFrame, weeks: pl.DataFrame | None = None, what: str = "PerfDB"
) -> Section:
    """``bins``, ``ranks`` and ``weeks`` are report_calibration, report_ranks and report_weeks; ``weeks`` is None on
    the page of one run.
    """
    if bins.is_empty():
        told = f"No answer of {what} has both a prediction and an observed figure: there is nothing to judge."
        note = "optiq answer predicts; answers to questions with a reference are judged. Then optiq refresh."
        return Section("calibration", TITLE, told, note=note)
    charts, notes = [], []
    quality = bins.filter(pl.col("metric") == "qoa")
    if quality.height:
        said = f"Observed against predicted mean quality in {count(quality.height, 'bin')}"
        charts.append(Chart("Is a predicted quality worth that much?", said, drawing.reliability(quality)))
    else:
        notes.append("No answer with a predicted quality was judged, so quality is not in the charts.")
    if ranks.height:
        middle = ranks.select(pl.col("rank_correlation").median()).item()
        said = (
            f"Rank correlation of plans in {count(ranks.height, 'topic')}, half of them {middle:.2f} or more"
        )
        charts.append(Chart("Are better plans predicted to be better?", said, drawing.ranks(ranks)))
        notes.append("Bars near 1: plans that were predicted to be better were better, over all runs.")
    else:
        notes.append(
            "No topic has three plans with predicted and observed quality, so their order is not judged."
        )
    if weeks is not None:
        found = _by_week(weeks)
        if found["week"].n_unique() > 1:
            said = f"Observed by predicted means over {count(found['week'].n_unique(), 'week')}"
            charts.append(Chart("Does it get better?", said, drawing.weeks(found), wide=True))
        else:
            notes.append("All predictions are of one week: there is no trend to show yet.")
    return Section(
        "calibration", TITLE, _told(bins), charts=charts, tables=_tables(bins), note=" ".join(notes)
    )


def _by_week(weeks: pl.DataFrame) -> pl.DataFrame:
    """Ratio of means per week and metric, tasks together."""
    n = pl.col("n_executions")
    return (
        weeks.group_by("week", "metric")
        .agg(
            ((pl.col("observed") * n).sum() / (pl.col("predicted") * n).sum()).alias("ratio"),
            n.sum().alias("n"),
        )
        .filter(pl.col("ratio").is_finite())
        .sort("week", "metric")
    )


def _told(bins: pl.DataFrame) -> str:
    """One sentence on the intervals."""
    parts = []
    for metric in METRIC_NAMES:
        row = bins.filter(pl.col("metric") == metric).select(
            pl.col("n_intervals").sum(), pl.col("n_within").sum()
        )
        n, within = row.row(0)
        if n:
            parts.append(f"{NAMES[metric].lower()} {percent(within / n)} of {n:,}")
    if not parts:
        return (
            "Means by bin of the prediction. There is no interval yet: one is made from the errors of earlier runs, "
            "and takes 20 of their answers."
        )
    return (
        f"Of intervals made from the errors of earlier runs {percent(PROMISED)} were to hold; within were: "
        f"{', '.join(parts)}."
    )


def _tables(bins: pl.DataFrame) -> list[Table]:
    rows = []
    for row in bins.filter(pl.col("n_executions") > 0).iter_rows(named=True):
        metric, low, high = row["metric"], row["observed_low"], row["observed_high"]
        rows.append(
            [
                NAMES[metric],
                row["task"],
                figure(metric, row["predicted"]),
                figure(metric, row["observed"]),
                "–" if low is None else f"{figure(metric, low)} to {figure(metric, high)}",
                "–" if low is None else "yes" if low <= row["predicted"] <= high else "no",
                count(row["n_executions"]),
                f"{percent(row['n_within'] / row['n_intervals'])} of {row['n_intervals']:,}"
                if row["n_intervals"]
                else "–",
            ]
        )
    columns = ["metric", "task", "predicted", "observed", "95 % of the mean", "predicted in it", "answers"]
    return [Table("Means by bin of the prediction", [*columns, "within 90 % interval"], rows, left=2)]
