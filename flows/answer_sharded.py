"""Plan and answer a question file on as many machines as there are workers."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import budget_of, settings_of
from flows.run_options import options_of
from tasks.orchestration import run
from tasks.sharding import abandon_sharded, answer_shards, open_sharded, report_sharded, write_sharded


@flow(name="answer-questions")
def answer_questions_sharded(
    file: str,
    output: str,
    shards: int = 8,
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
    silence: float = 120.0,
    attempts: int = 3,
) -> dict[str, Any]:
    """Answer ``file`` in ``shards`` pieces, each a run of `answer-questions/shard` on whatever worker takes it.

    Parameters are those of `answer_questions`; the total limits hold over all shards, ``fail_after`` in each.
    A shard that shows no sign of life for ``silence`` seconds while a worker is said to work on it, or whose
    run fails, is started again, ``attempts`` times at most. The same parameters again go on with the same
    shards.
    """
    given = locals()
    budget, settings, options = budget_of(given), settings_of(given), options_of(given)
    job = run(open_sharded, file, output, budget, topic, settings, options, shards, given)
    try:
        restarts = run(answer_shards, job, silence, attempts)
        summary = run(write_sharded, job, restarts)
        run(report_sharded, job, summary)
        return summary
    finally:
        abandon_sharded(job)
