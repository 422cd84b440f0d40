"""Check files and land them for the next refresh: priors, statistics, traces."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import IngestFiles, IngestPrices, IngestTraces
from tasks.orchestration import run, wiring
from tasks.warehousing import FOREIGN, land_files, land_prices, land_traces


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


@wiring
@taking_parameters
def ingest_prices(request: IngestPrices) -> dict[str, Any]:
    """Land what a price table says of models, each with its source and the day; what is not sure is asked."""
    asked = (request.table, request.provider, request.price_of, request.price_file)
    return run(land_prices, *asked, request.settings)
