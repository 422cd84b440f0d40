"""The nightly refresh: land → check → merge → recompute → gate → publish, each step a task run of this process."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import RefreshPerfDB
from tasks.orchestration import run, wiring
from tasks.warehousing import publish_snapshot, report_refresh


@wiring(timeout_seconds=6 * 3600)
@taking_parameters
def refresh_perfdb(request: RefreshPerfDB) -> dict[str, Any]:
    """Merge what has landed exactly once and publish a new snapshot, or say why not.

    What is not given comes from `OPTIQ_*` variables and `optiq.toml`.
    """
    try:
        report = publish_snapshot(request.settings, request.accept or (), request.full_gate)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "interrupted: what was published stays, what has landed waits; `optiq refresh` begins again"
        ) from None
    run(report_refresh, report)
    return report
