"""Find which model to use for which role of an agent, plan or workflow."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import SelectModels
from tasks.orchestration import run, wiring
from tasks.selecting import run_selection


@wiring
@taking_parameters
def select_models(request: SelectModels) -> dict[str, Any]:
    """Run combinations on the labelled questions of ``file`` until a method knows which is best.

    Parameters are those of `optiq select`. What was run is kept: the same parameters go on after Ctrl-C.
    """
    return run(run_selection, request.selection)
