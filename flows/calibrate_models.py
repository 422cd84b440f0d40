"""Try plans on labelled questions where knowing more would change plans most."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.calibration_request import wanted_of
from tasks.calibrating import calibrate_chunk, choose_round, open_calibration, sum_up_calibration
from tasks.calibration import close, state_of
from tasks.orchestration import map_over, run
from tasks.run_state import stoppable

WORKERS = 2


@flow(task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))  # type: ignore[arg-type]
def calibrate_models(
    file: str,
    plans: list[str] | None = None,
    per_question: int | None = None,
    singles_only: bool = False,
    max_executions: int | None = None,
    max_total_cost: float | None = None,
    max_total_energy: float | None = None,
    max_cost: float | None = None,
    max_latency: float | None = None,
    max_energy: float | None = None,
    min_qoa: float | None = None,
    weights: str | None = None,
    confidence: float | None = None,
    max_operations: int | None = None,
    models: str | None = None,
    blender: str | None = None,
    topic: str | None = None,
    server: str | None = None,
    server_url: str | None = None,
    perfdb: str | None = None,
    seed: int | None = None,
    prompt: str | None = None,
    examples: str | None = None,
    constrain: bool | None = None,
    chunk_size: int | None = None,
    cache: bool = True,
) -> dict[str, Any]:
    """Run plans on the questions of ``file`` that have a reference; traces land for the next refresh.

    Parameters are those of `optiq calibrate`. Rounds: choose, run, learn, choose again. After Ctrl-C what was
    executed is kept, and the same parameters go on with the rest.
    """
    given = locals()
    run_id = run(open_calibration, wanted_of(given))
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
