"""Tasks of one shard: open it where its run folder is, and say what is left.

It is answered as any run is (:mod:`tasks.answering`), but for three things: the run folder is known, so that
any machine goes on with it whatever its own settings and paths are; rows and traces carry the name of the
whole run; and it gives a sign of life.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.files.inside import inside
from tasks.answering import Job, begin
from tasks.orchestration import step
from tasks.pulse import Pulse
from tasks.run_rows import rows_frame
from tasks.run_state import RunOptions, close_state, state_of
from tasks.session import open_session
from tasks.shard_files import folder_of, read_shard_questions
from warehouse.find_home import find_home


@step
def open_shard(
    run_id: str, number: int, settings: Settings, options: RunOptions, turn: int = 0, start: int = 0
) -> Job:
    """Find the shard in the home, go on where it stopped, and begin to give signs of life.

    ``turn`` above 0 asks rows again that failed in an earlier turn; ``start`` is told with every sign of life.

    Raises
    ------
    InputError
        if the home has no such shard, or another process works on it.
    """
    started = time.time()
    session = open_session(settings)
    folder = folder_of(session.home, run_id, number)
    session.home.fetch(f"runs/{folder.run_id}")
    source = folder.path / "questions.jsonl"
    if not source.exists():
        raise InputError(
            f"there is no shard {number} of run {run_id} in {session.home.address}",
            "Give all workers the home of the run: $OPTIQ_HOME on a shared path or a store.",
        )
    rows = read_shard_questions(source)
    folder.chunks.mkdir(parents=True, exist_ok=True)
    folder.lock()
    job = replace(begin(folder, rows, session, options, turn, shard=True), started=started, whole=run_id)
    folder.write_about({"run_id": folder.run_id, "status": "running", "questions": len(rows)})
    state = state_of(job.run_id)
    state.pulse = Pulse(session.home, folder.path / "alive", state.tally.standing, start)
    return job


def fetched(settings: Settings, name: str) -> str:
    """The path on this machine of a file of the home."""
    home = find_home(settings.home)
    place = inside(home.path, name, "file")
    home.fetch(name)
    return str(place)


@step
def close_shard(job: Job, parts: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """Say in the shard's folder how it stands, and what it has spent in all."""
    state = state_of(job.run_id)
    folder = state.folder
    over = [row for part in parts for row in part]
    folder.keep_left_over(rows_frame(over))
    done = folder.rows()
    spent = state.shared.ledger.spent
    summary = {
        "shard": job.run_id,
        "questions": len(job.rows),
        "done": done.height,
        "left_over": len(over),
        "seconds": time.time() - job.started,
        "spent_usd": spent.cost_usd,
        "spent_j": spent.energy_j,
        "stopped": state.shared.control.reason,
        "models_taken_out": list(state.shared.health.out),
        "at_once": state.tally.standing().at_once,
    }
    status = "done" if done.height == len(job.rows) else "unfinished"
    finished_at = datetime.now(UTC).isoformat(timespec="seconds")
    folder.note(status=status, finished_at=finished_at, summary=summary)
    close_state(job.run_id)
    return summary
