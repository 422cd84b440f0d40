"""Try plans on labelled questions where knowing more would change plans most."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import CalibrateModels
from tasks.calibrating import calibrate_chunk, choose_round, open_calibration, sum_up_calibration
from tasks.calibration import close, state_of
from tasks.orchestration import map_over, run, wiring
from tasks.run_state import stoppable

WORKERS = 2


@wiring(workers=WORKERS)
@taking_parameters
def calibrate_models(request: CalibrateModels) -> dict[str, Any]:
    """Run plans on the questions of ``file`` that have a reference; traces land for the next refresh.

    Parameters are those of `optiq calibrate`. Rounds: choose, run, learn, choose again. After Ctrl-C what was
    executed is kept, and the same parameters go on with the rest.
    """
    run_id = run(open_calibration, request.wanted)
    interrupted = False
    try:
        with stoppable(state_of(run_id).shared.control):
            try:
                while pieces := run(choose_round, run_id):
                    map_over(calibrate_chunk, pieces, workers=WORKERS, run_id=run_id)
            except KeyboardInterrupt:
                interrupted = True
        return run(sum_up_calibration, run_id, interrupted)
    finally:
        close(run_id)
