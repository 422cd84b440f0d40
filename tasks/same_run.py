"""Which run a command is about: the earlier one of the same questions, output, limits and planning, or a new one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.files.output_place import tell_replaced
from optiq.files.tables import check_writable
from optiq.formats.batch_requests import is_batch_input
from optiq.questions.question import Budget
from optiq.questions.question_file import QuestionFile, read_questions
from tasks.run_folder import RunFolder, hash_of
from tasks.run_state import RunOptions
from tasks.session import new_run_id
from warehouse.home import Home

_NOT_PLANNING = (
    "home",
    "chunk_size",
    "keep",
    "half_life_days",
    "timeout_s",
    "timeout_tries",
    "concurrency",
    "distrust_drifted",
    "topic_model",
    "profiles",
    "features",
    "probe",
)


def questions_of_run(
    file: str, output: str | None, budget: Budget, topic: str | None, settings: Settings
) -> QuestionFile:
    """The questions of a run; :class:`InputError` if the file cannot be used, or answers cannot be written.

    A run that asks nothing may write nothing: its ``output`` is None.
    """
    if output is not None:
        check_writable(output, file)
    questions = read_questions(file, budget, settings.reading)
    if not questions.rows:  # nothing would be asked, and `last` would be a run of nothing
        raise InputError(f"{file} has no question", "Fill the column `question`.")
    if (
        output is not None
        and is_batch_input(file)
        and Path(output).suffix.lower() not in (".jsonl", ".ndjson")
    ):
        raise InputError(
            f"{output} is no place for the output of a batch", "Give a file that ends in .jsonl."
        )
    return questions if topic is None else questions.with_topic(topic)


def find_run(
    home: Home,
    file: str,
    output: str,
    budget: Budget,
    topic: str | None,
    settings: Settings,
    questions: QuestionFile,
    options: RunOptions,
    snapshot_id: str,
    *,
    sharded: bool = False,
) -> RunFolder:
    """The folder of the run to go on with, or of a new one, locked: nobody else works on it until it is unlocked.

    The lock of the run's key is taken first: of the same command twice at once, one finds the run of the other.

    Raises
    ------
    InputError
        if there is nothing to retry, or another process is at the same run, with ``--fresh`` too.
    """
    key, about = _identify(file, output, budget, topic, settings, questions)
    about |= {"snapshot_id": snapshot_id, "options": asdict(options)}
    if sharded:
        key, about["sharded"] = f"{key}-sharded", True
    with RunFolder.choosing(home, key):
        before = RunFolder.latest(home, key)
        if before is not None:
            before.lock()
        folder = None
        try:
            folder = None if options.fresh else _to_resume(before, snapshot_id, options)
            if folder is None:
                _tell_what_is_replaced(home, output)
                folder = RunFolder(home, new_run_id())
                folder.create(key, {"run_id": folder.run_id, **about})
                folder.lock()
        finally:
            if before is not None and folder is not before:
                before.unlock()
    return folder


def _tell_what_is_replaced(home: Home, output: str) -> None:
    """Say that a new run replaces a file, whose answers it is, and where these stay."""
    if not Path(output).exists():
        return
    where = str(Path(output).resolve())
    runs = ((folder.run_id, folder.about() or {}) for folder in RunFolder.every(home))
    earlier = next((run for run, about in runs if about.get("output") == where), None)
    holds = f"{output} holds the answers of run {earlier}, which `optiq show {earlier}` keeps; it will be replaced"
    tell_replaced(output, "" if earlier is None else holds)


def _identify(
    file: str, output: str, budget: Budget, topic: str | None, settings: Settings, questions: QuestionFile
) -> tuple[str, dict[str, Any]]:
    """What makes two commands the same run, hashed; and what `run.json` says about it."""
    file_hash = hash_of(file)
    planning = {name: value for name, value in asdict(settings).items() if name not in _NOT_PLANNING}
    same = {
        "file_sha256": file_hash,
        "output": str(Path(output).resolve()),
        "budget": asdict(budget),
        "topic": topic,
        "settings": planning,
    }
    key = hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()[:32]
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"file": file, **same, "questions": len(questions.rows), "started_at": started_at}
    return key, about


def _to_resume(folder: RunFolder | None, snapshot_id: str, options: RunOptions) -> RunFolder | None:
    """The earlier run if the command goes on with it; a finished one only on the same statistics."""
    before = None if folder is None else folder.about()
    if folder is None or before is None:
        if options.retry_errors:
            raise InputError(
                "there is no earlier run of this command to retry",
                "Run it without --retry-errors first; file, output and planning must be the same.",
            )
        return None
    limit = (before.get("options") or {}).get("limit")
    whole = limit is None or (
        options.limit is not None and options.limit <= limit
    )  # else there is more to ask
    finished = before.get("status") == "done" and whole and not options.retry_errors
    if finished and folder.left_over().height:
        finished = False  # a higher total goes on with what the lower one left, and counts what was spent
    return None if finished and before.get("snapshot_id") != snapshot_id else folder
