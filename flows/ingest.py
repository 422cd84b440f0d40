"""Check files and land them for the next refresh: priors, statistics, traces."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import IngestFiles
from tasks.orchestration import run, wiring
from tasks.warehousing import land_files


@wiring
@taking_parameters
def ingest_priors(request: IngestFiles) -> dict[str, Any]:
    """Land published figures of models; bad rows are set aside with a reason."""
    return run(land_files, "priors", request.files, request.settings.home)


@wiring
@taking_parameters
def ingest_statistics(request: IngestFiles) -> dict[str, Any]:
    """Land aggregates that were measured elsewhere; bad rows are set aside with a reason."""
    return run(land_files, "statistics", request.files, request.settings.home)


@wiring
@taking_parameters
def ingest_traces(request: IngestFiles) -> dict[str, Any]:
    """Land executions recorded elsewhere; bad rows are set aside with a reason."""
    return run(land_files, "traces", request.files, request.settings.home)
