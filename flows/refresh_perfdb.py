"""The nightly refresh: land → check → recompute → publish."""

from __future__ import annotations

from typing import Any

from prefect import flow

from optiq.configuration import Settings
from tasks.orchestration import run
from tasks.warehousing import publish_snapshot, report_refresh


@flow
def refresh_perfdb(
    perfdb: str | None = None,
    keep: int | None = None,
    half_life_days: float | None = None,
    distrust_drifted: bool | None = None,
    topic_model: str | None = None,
) -> dict[str, Any]:
    """Merge what has landed exactly once and publish a new snapshot, or say why not.

    What is not given comes from `OPTIQ_*` variables and `optiq.toml`: ``perfdb`` is PerfDB's home, ``keep`` the
    number of snapshots kept (7), ``half_life_days`` the age at which an observation counts half (180; 0: age does
    not matter), ``distrust_drifted`` starts a drifted model's statistics again at its drift, and ``topic_model``
    is ``centroid`` or ``bertopic``.
    """
    given = {
        "home": perfdb,
        "keep": keep,
        "half_life_days": half_life_days,
        "distrust_drifted": distrust_drifted,
        "topic_model": topic_model,
    }
    report = run(publish_snapshot, Settings.load(given))
    run(report_refresh, report)
    return report
