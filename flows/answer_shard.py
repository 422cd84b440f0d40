"""Answer one shard of a sharded run, on whatever machine a worker is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flows.answer_questions import WORKERS
from optiq.configuration import Settings
from tasks.answering import abandon, answer_chunk
from tasks.orchestration import map_over, run, wiring
from tasks.run_state import RunOptions
from tasks.shard_run import close_shard, fetched, open_shard


@wiring(name="answer-questions", workers=WORKERS)
def answer_shard(
    run_id: str = "",
    shard: int = 0,
    perfdb: str | None = None,
    settings: dict[str, Any] | None = None,
    examples: str | None = None,
    start: int = 0,
    turn: int = 0,
    cache: bool = True,
    max_total_cost: float | None = None,
    max_total_energy: float | None = None,
    fail_after: int | None = None,
) -> dict[str, Any]:
    """Answer shard ``shard`` of run ``run_id``; `answer_questions_sharded` starts this, not a person.

    ``settings`` are those of the whole run; what they leave out (the model server, as a rule) is as the
    worker's machine has it. ``examples`` are few-shot ones, a file of the home. The limits hold for this
    shard over all times that it is started.
    """
    options = RunOptions(
        cache=cache,
        max_total_cost_usd=max_total_cost,
        max_total_energy_j=max_total_energy,
        fail_after=fail_after,
    )
    given = Settings.load({**(settings or {}), "home": perfdb})
    if examples is not None:
        given = replace(given, examples=fetched(given, examples))
    job = run(open_shard, run_id, shard, given, options, turn, start)
    try:
        parts = map_over(answer_chunk, job.chunks(), workers=WORKERS, job=job)
        return run(close_shard, job, parts)
    finally:
        abandon(job)
