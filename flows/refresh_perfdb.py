"""The nightly refresh: land → check → recompute → publish."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import RefreshPerfDB
from tasks.orchestration import run, wiring
from tasks.warehousing import publish_snapshot, report_refresh


@wiring
@taking_parameters
def refresh_perfdb(request: RefreshPerfDB) -> dict[str, Any]:
    """Merge what has landed exactly once and publish a new snapshot, or say why not.

    What is not given comes from `OPTIQ_*` variables and `optiq.toml`.
    """
    report: dict[str, Any] = run(publish_snapshot, request.settings)
    run(report_refresh, report)
    return report
