"""Plan and answer a question file."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner

from flows.parameters import budget_of, settings_of
from flows.run_options import options_of
from tasks.answering import abandon, answer_chunk, open_job, write_job
from tasks.orchestration import map_over, run

WORKERS = 4
"""Chunks worked on at once: while one ends, others keep the servers busy."""


@flow(task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))  # type: ignore[arg-type]
def answer_questions(
    file: str,
    output: str,
    max_cost: float | None = None,
    max_latency: float | None = None,
    max_energy: float | None = None,
    min_qoa: float | None = None,
    weights: str | None = None,
    confidence: float | None = None,
    planner: str | None = None,
    max_operations: int | None = None,
    bound_operations: str | None = None,
    neighbours: bool | None = None,
    models: str | None = None,
    blender: str | None = None,
    topic: str | None = None,
    server: str | None = None,
    server_url: str | None = None,
    perfdb: str | None = None,
    seed: int | None = None,
    chunk_size: int | None = None,
    limit: int | None = None,
    retry_errors: bool = False,
    fresh: bool = False,
    cache: bool = True,
    max_total_cost: float | None = None,
    max_total_energy: float | None = None,
    fail_after: int | None = None,
    prompt: str | None = None,
    examples: str | None = None,
    constrain: bool | None = None,
) -> dict[str, Any]:
    """Answer every question of ``file`` along its plan and write one row per input row to ``output``.

    Parameters are those of `optiq answer`; limits hold per question, those with ``total`` for the whole run.
    The same parameters again go on with the same run.
    """
    given = locals()
    job = run(open_job, file, output, budget_of(given), topic, settings_of(given), options_of(given))
    try:
        parts = map_over(answer_chunk, job.chunks(), workers=WORKERS, job=job)
        return run(write_job, job, parts)
    finally:
        abandon(job)
