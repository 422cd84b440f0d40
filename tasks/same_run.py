"""Which earlier run a command goes on with: the one of the same questions, output, limits and planning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.questions.question import Budget
from optiq.questions.question_file import QuestionFile
from tasks.run_state import RunOptions

_NOT_PLANNING = (
    "home",
    "chunk_size",
    "keep",
    "half_life_days",
    "timeout_s",
    "distrust_drifted",
    "topic_model",
)


def identify(
    file: str, output: str, budget: Budget, topic: str | None, settings: Settings, questions: QuestionFile
) -> tuple[str, dict[str, Any]]:
    """What makes two commands the same run, hashed; and what `run.json` says about it."""
    with Path(file).open("rb") as content:
        file_hash = hashlib.file_digest(content, "sha256").hexdigest()
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


def to_resume(folder: Any, about: Mapping[str, Any], options: RunOptions) -> Any:
    """The earlier run if the command goes on with it; a finished one only on the same statistics."""
    before = folder.about() if folder is not None else None
    if before is None:
        if options.retry_errors:
            raise InputError(
                "there is no earlier run of this command to retry",
                "Run it without --retry-errors first; file, output and planning must be the same.",
            )
        return None
    finished = before.get("status") == "done" and not options.retry_errors
    return None if finished and before.get("snapshot_id") != about["snapshot_id"] else folder
