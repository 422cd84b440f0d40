"""Reports: read what a page shows from PerfDB and the run's folder, and write the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError, OptiqError
from optiq.files.atomic import replacing
from optiq.files.output_place import check_output
from optiq.report import Page, render
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.landing import read_waiting
from warehouse.report import POINTS, ReportSource

_OF_A_RUN = (
    "run",
    "run_plans",
    "forms",
    "points",
    "errors",
    "adherence",
    "spend",
    "misses",
    "plans",
    "topic_means",
    "calibration",
    "ranks",
)
_OF_ALL = ("frontier", "topics", "coverage", "uncertain")
_OF_A_SNAPSHOT = (
    "snapshot",
    "run",
    "points",
    "errors",
    "spend",
    "best_models",
    "frontier_plans",
    "days",
    "calibration",
    "ranks",
    "weeks",
)
_OF_CALIBRATION = ("calibration", "ranks", "weeks")
_VALUES: dict[str, tuple[str, ...]] = {
    "run": ("run",),
    "run_plans": ("run",),
    "forms": ("run",),
    "points": ("run", "points"),
    "errors": ("run",),
    "adherence": ("run",),
    "spend": ("run",),
    "frontier": ("run", "points"),
    "misses": ("run",),
    "plans": ("run", "rows"),
    "topic_means": ("run", "rows"),
    "topics": ("rows",),
    "coverage": ("rows",),
    "uncertain": ("rows",),
    "best_models": ("rows",),
    "frontier_plans": ("rows",),
    "days": ("rows",),
    "snapshot": (),
    "calibration": ("run",),
    "ranks": ("rows",),
    "weeks": ("rows",),
}
_MISSES = 12
_ROWS = {"plans": 12, "frontier_plans": 12, "topic_means": 20, "topics": 60, "coverage": 25}
_ROWS |= {"uncertain": 12, "best_models": 40, "days": 60, "ranks": 25, "weeks": 26}


def write_report(
    output: str,
    perfdb: str | None = None,
    run: str | None = None,
    snapshot: str | None = None,
    against: str | None = None,
    selection: str | None = None,
) -> dict[str, Any]:
    """Write the page of a run (by default the last), a snapshot, two of a kind (``against``: the later), a selection.

    Returns its path, title and size. Raises :class:`~optiq.errors.InputError` for a path that is no page or
    both kinds at once, :class:`~optiq.errors.UnknownName` for a run or snapshot that is not there.
    """
    check_page(output)
    if run is not None and snapshot is not None:
        raise InputError("both a run and a snapshot are given", "Give --run or --snapshot.")
    if selection is not None and (run, snapshot, against) != (None, None, None):
        raise InputError("a selection has a page of its own", "Give --selection alone.")
    home = find_home(perfdb)
    if selection is not None:
        page = _selection(home, selection)
    elif snapshot is not None:
        page = _snapshots(home, snapshot, against)
    else:
        page = _runs(home, run or "last", against)
    return write_page(page, output)


def check_page(output: str) -> None:
    """:class:`~optiq.errors.InputError` if a page cannot be written to ``output``."""
    if Path(output).suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output} is no HTML page", "Let the name end in .html.")
    check_output(output)


def write_page(page: Page, output: str) -> dict[str, Any]:
    """Write a page whole or not at all; its path, title, size and sections."""
    check_page(output)
    text = render(page)
    with replacing(Path(output)) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return {
        "output": output,
        "title": page.title,
        "bytes": len(text.encode()),
        "sections": [s.name for s in page.sections],
    }


def _selection(home: Home, name: str) -> Page:
    from optiq.report.selection_page import selection_page
    from tasks.selection_report import find_selection

    return selection_page(find_selection(home, name))


def _runs(home: Home, name: str, against: str | None) -> Page:
    from optiq.report.comparison_page import runs_page
    from optiq.report.run_page import run_page

    about = _about(home, name)
    if about.get("run_id") and name == "last":
        name = about["run_id"]
    source = ReportSource(home.perfdb)
    try:
        first = source.run_named(name)
    except OptiqError:
        if about.get("run_id") is None:
            raise
        if about["status"] != "running" and about["done"] and not (about["calls"] or about["cached"]):
            raise _of_nothing(about) from None
        raise InputError(
            f"run {about['run_id']} is not in PerfDB yet", "Bring it in with `optiq refresh`, then again."
        ) from None
    if against is None:
        found = _frames(source, first, _OF_A_RUN + _OF_ALL)
        about = _about(home, first)
        found["misses"] = _worst(home, found["misses"], about)
        return run_page(first, found, about, POINTS)
    second = source.run_named(against)
    frames = tuple(_frames(source, run, (*_OF_A_RUN, "frontier")) for run in (first, second))
    changes = source.frame("changes", before=first, after=second, rows=12)
    return runs_page((first, second), (frames[0], frames[1]), changes)


def _of_nothing(about: Mapping[str, Any]) -> InputError:
    """Why there is no page of a run in which no model was asked: no refresh ever brings it in."""
    counts = [f"{about[status]} {status}" for status in ("infeasible", "failed", "invalid") if about[status]]
    worst = next(status for status in ("infeasible", "failed", "invalid") if about[status])
    why = next((f" ({why})" for status, why, _ in about["faults"] if status == worst), "")
    todo = "Raise that limit, then `optiq answer` again" if worst == "infeasible" else "Mend that"
    return InputError(
        f"no model was asked in run {about['run_id']}: {', '.join(counts)}{why}",
        f"{todo}; `optiq show {about['run_id']}` has every reason.",
    )


def _worst(home: Home, misses: pl.DataFrame, about: Mapping[str, Any]) -> pl.DataFrame:
    """The answers that lost most against the best plan that is known for them: wrong choices before bad luck."""
    from tasks.run_answers import models_of, with_best_known

    loss = (pl.col("best_qoa") - pl.col("qoa")).clip(lower_bound=0.0).fill_null(0.0)
    found = with_best_known(home, misses, models_of(about)).with_columns(loss=loss)
    worst = found.filter((pl.col("loss") > 0) | (pl.col("miss") > 0))
    return worst.sort("loss", "miss", "question_id", descending=[True, True, False]).head(_MISSES)


def _snapshots(home: Home, name: str, against: str | None) -> Page:
    from optiq.report.comparison_page import snapshots_page
    from optiq.report.snapshot_page import snapshot_page
    from warehouse.archive import diff_snapshots, snapshot_file

    if against is None:
        source = ReportSource(snapshot_file(home, name))
        return snapshot_page(_frames(source, None, _OF_A_SNAPSHOT + _OF_ALL), POINTS)
    found = diff_snapshots(home, name, None if against == "current" else against)
    frames = _frames(ReportSource(snapshot_file(home, against)), None, ("coverage", "uncertain"))
    return snapshots_page(found.before, found.after, found.counts, found.plans, found.figures, frames)


def _frames(source: ReportSource, run: str | None, names: tuple[str, ...]) -> dict[str, pl.DataFrame]:
    if "calibration_answers" not in source.views:  # an earlier snapshot: it is read as it is
        names = tuple(name for name in names if name not in _OF_CALIBRATION)
    given = {name: {"run": run, "points": POINTS, "rows": _ROWS.get(name, POINTS)} for name in names}
    queries = [(name, {key: given[name][key] for key in _VALUES[name]}) for name in names]
    return dict(zip(names, source.frames(queries), strict=True))


def _about(home: Home, name: str) -> Mapping[str, Any]:
    """The record of a run in its folder, with how many of its executions wait in landing; empty if it has none."""
    from tasks.run_report import one_run

    try:
        record = one_run(home, name)
    except OptiqError:
        return {}

    def of_run(file: Path) -> int:
        rows = pl.scan_parquet(file, glob=False).filter(pl.col("run_id") == record["run_id"])
        return int(rows.select(pl.len()).collect().item())

    return {**record, "waiting": sum(read_waiting(home, "traces", of_run))}
