"""What `optiq runs` tells, read from the folders of runs."""

from __future__ import annotations

from typing import Any

from optiq.errors import UnknownName
from tasks.run_folder import RunFolder
from warehouse.home import Home

_FAULTS = 8
"""Faults of each outcome that are told."""
_BILLED = ("calls", "cached", "judge_calls", "judge_usd", "cost_usd", "unanswered_usd", "energy_j")
_STATUSES = ("answered", "infeasible", "failed", "invalid")


def every_run(home: Home) -> list[dict[str, Any]]:
    """One record per run, the latest first."""
    return [_record(folder) for folder in RunFolder.every(home)]


def one_run(home: Home, name: str) -> dict[str, Any]:
    """The record of a run with its parameters, plans and faults. ``last`` is the latest.

    Raises
    ------
    UnknownName
        if no run, or more than one, begins like this.
    """
    import polars as pl

    from optiq.plans.plan import Plan

    folders = RunFolder.every(home)
    found = folders[:1] if name == "last" else [f for f in folders if f.run_id.startswith(name)]
    if not found and name == "last":
        raise UnknownName("there is no run yet", "`optiq answer FILE -o answers.csv` makes one.")
    if len(found) != 1:
        what = "no run" if not found else f"{len(found)} runs"
        raise UnknownName(f"{what} named {name!r}", "`optiq runs list` shows all runs.")
    folder = found[0]
    about, rows = folder.about() or {}, folder.outcomes()
    planned = rows.filter(pl.col("status").is_in(["answered", "failed"])).drop_nulls("plan")
    plans = planned.group_by("plan").len().sort("len", "plan", descending=[True, False])
    # Failures first: the reasons of infeasible rows are many, and would hide them.
    order = pl.col("status").replace_strict(
        {"failed": 0, "invalid": 1, "infeasible": 2}, default=3, return_dtype=pl.Int8
    )
    faults = (
        rows.drop_nulls("error")
        .group_by("status", "error")
        .len()
        .sort(order, "len", "error", descending=[False, True, False])
        .group_by("status", maintain_order=True)
        .head(_FAULTS)
    )
    return {
        **_record(folder),
        **{name: about.get(name) for name in ("file_sha256", "budget", "topic", "settings", "options")},
        **{name: about.get(name) for name in ("pool", "blender", "offered")},
        "at_once": (about.get("summary") or {}).get("at_once"),
        "beyond_limits": (about.get("summary") or {}).get("beyond_limits") or {},
        "plans": [[Plan.parse(plan).expression, number] for plan, number in plans.iter_rows()],
        "faults": [list(row) for row in faults.select("status", "error", "len").iter_rows()],
    }


def _record(folder: RunFolder) -> dict[str, Any]:
    about = folder.about() or {}
    status = about.get("status", "unreadable")
    told = about.get("summary")
    if status != "done" or told is None:  # what a finished run came to is written down
        told = _so_far(folder)
    if status == "running" and not folder.is_locked():
        status = "interrupted"  # killed: nobody was left to say so
    done = sum(told[name] for name in _STATUSES)
    return {
        "run_id": folder.run_id,
        "status": status,
        "file": about.get("file"),
        "output": about.get("output"),
        "started_at": about.get("started_at"),
        "seconds": about.get("seconds"),
        "snapshot_id": about.get("snapshot_id"),
        "questions": about.get("questions", done),
        "done": done,
        **{name: told.get(name) for name in (*_STATUSES, *_BILLED)},
    }


def _so_far(folder: RunFolder) -> dict[str, Any]:
    counts, bill = dict(folder.outcomes()["status"].value_counts().iter_rows()), folder.bill()
    known = bill["calls"] > bill["unpriced_calls"] or bill["calls"] == 0
    return {
        **{name: counts.get(name, 0) for name in _STATUSES},
        "calls": bill["calls"],
        "cached": bill["cached_calls"],
        "judge_calls": bill["judge_calls"],
        "judge_usd": bill["judge_usd"],
        "cost_usd": bill["spent_usd"] if known else None,
        "unanswered_usd": bill["lost_usd"],
        "energy_j": bill["spent_j"] if known else None,
    }
