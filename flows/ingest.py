"""Check files and land them for the next refresh: priors, statistics, traces."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import IngestFiles, IngestTraces
from tasks.orchestration import run, wiring
from tasks.warehousing import FOREIGN, land_files, land_traces


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
def ingest_traces(request: IngestTraces) -> dict[str, Any]:
    """Land executions recorded elsewhere, also by other tools; bad rows are set aside with a reason."""
    said = {name: value for name, value in request.given().items() if name in FOREIGN}
    return run(land_traces, request.files, request.settings.home, said)
