"""How far predictions can be believed: what is shown, and why something is not shown yet."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl

from optiq.report.calibration_section import calibration_of, calibration_section
from optiq.report.sections import prediction_section

BIN: dict[str, Any] = {
    "task": "open",
    "metric": "qoa",
    "bin_from": 0.5,
    "n_executions": 40,
    "predicted": 0.55,
    "observed": 0.5,
    "observed_low": 0.4,
    "observed_high": 0.6,
    "n_intervals": 20,
    "n_within": 17,
}
RANK = {"topic": "history", "task": "open", "n_plans": 4, "n_executions": 40, "rank_correlation": 0.8}
NO_RANKS = pl.DataFrame([RANK]).clear()


def weeks(*days: int) -> pl.DataFrame:
    """One row per week, beginning on these days of March."""
    row = {"task": "open", "metric": "cost_usd", "n_executions": 10, "predicted": 1.0, "observed": 2.0}
    return pl.DataFrame([{**row, "week": datetime.date(2026, 3, day)} for day in days])


def test_coverage_of_intervals_and_means_are_said() -> None:
    far = {**BIN, "predicted": 0.75, "bin_from": 0.7, "n_intervals": 0, "n_within": 0}
    section = calibration_section(pl.DataFrame([BIN, far]), pl.DataFrame([RANK]), weeks(2, 9))
    assert (
        "90\N{NO-BREAK SPACE}% were to hold; within were: quality 85\N{NO-BREAK SPACE}% of 20."
        in section.takeaway
    )
    assert [chart.title for chart in section.charts] == [
        "Is a predicted quality worth that much?",
        "Are better plans predicted to be better?",
        "Does it get better?",
    ]
    inside, outside = section.tables[0].rows
    assert (inside[5], inside[7]) == ("yes", "85\N{NO-BREAK SPACE}% of 20")
    assert (outside[5], outside[7]) == ("no", "–")


def test_what_cannot_be_shown_yet_says_why() -> None:
    nothing = calibration_section(pl.DataFrame([BIN]).clear(), NO_RANKS, weeks(2), "the run")
    assert "No answer of the run has both a prediction and an observed figure" in nothing.takeaway
    assert not nothing.charts
    unjudged = {**BIN, "metric": "cost_usd", "n_intervals": 0, "n_within": 0, "observed_low": None}
    section = calibration_section(pl.DataFrame([unjudged]), NO_RANKS, weeks(2))
    assert "There is no interval yet" in section.takeaway
    assert "20 of their answers" in section.takeaway
    assert "No answer with a predicted quality was judged" in section.note
    assert "No topic has three plans" in section.note
    assert "of one week" in section.note
    assert section.charts == []


def test_an_earlier_snapshot_has_no_such_views() -> None:
    assert "made before" in calibration_of({}, "PerfDB").takeaway


def test_the_page_of_a_run_has_no_weeks() -> None:
    section = calibration_section(pl.DataFrame([BIN]), NO_RANKS, what="the run")
    assert "week" not in section.note


def test_no_correlation_is_none() -> None:
    points = pl.DataFrame([{"metric": "qoa", "topic": "*", "predicted": 0.5, "observed": 0.5}])
    for value, shown in [(2.3e-17, "0"), (-0.001, "0"), (0.456, "0.46"), (-0.5, "-0.50"), (None, "–")]:
        row = {"metric": "qoa", "n": 1, "predicted": 0.5, "observed": 0.5, "error": 0.0, "correlation": value}
        section = prediction_section(points, pl.DataFrame([row]), 100)
        assert section.tables[0].rows[0][-1] == shown
