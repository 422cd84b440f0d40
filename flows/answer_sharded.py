"""Plan and answer a question file on as many machines as there are workers."""

from __future__ import annotations

from typing import Any

from flows.declaration import taking_parameters
from flows.flow_requests import AnswerSharded
from tasks.orchestration import run, wiring
from tasks.sharding import abandon_sharded, answer_shards, open_sharded, report_sharded, write_sharded


@wiring(name="answer-questions")
@taking_parameters
def answer_questions_sharded(request: AnswerSharded) -> dict[str, Any]:
    """Answer ``file`` in ``shards`` pieces, each a run of `answer-questions/shard` on whatever worker takes it.

    Parameters are those of `answer_questions`; the total limits hold over all shards, ``fail_after`` in each.
    A shard that shows no sign of life for ``silence`` seconds while a worker is said to work on it, or whose
    run fails, is started again, ``attempts`` times at most. The same parameters again go on with the same
    shards.
    """
    asked = (request.file, request.written, request.budget, request.topic)
    job = run(open_sharded, *asked, request.settings, request.options, request.shards, request.given())
    try:
        restarts = run(answer_shards, job, request.silence, request.attempts)
        summary = run(write_sharded, job, restarts)
        run(report_sharded, job, summary)
        return summary
    finally:
        abandon_sharded(job)
