"""What executions teach, on disk at once (requests: before they are answered), and landed a few hundred at a time.

Each execution is a line of a file under ``serving/journal/`` or ``selection/journal/`` of the home. After some seconds
or lines the file is closed, lands as Parquet and is removed. What a killed process leaves is landed by the next one:
the same lines are the same file, and executions are merged once. A line that was not finished belongs to an answer that
was not given.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from optiq.execution.trace import Execution, frame_of_rows
from optiq.files.atomic import replacing
from optiq.files.compact_json import compact, read_compact
from warehouse.bundles import bundle_small
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.scores import SCORE_COLUMNS, land_scores

MOST_LINES, MOST_S = 1000, 10.0
"""Lines and seconds after which a file lands."""

_LINES_AT_ONCE, _PAUSE_S = 200, 0.01

_TIMES = ("started_at",)
WITHHELD = "withheld, as texts are not stored"


class Journal:
    """The journal of one process, of those in ``place``. :meth:`append` does not wait, the others do."""

    def __init__(self, home: Home, run_id: str, place: str) -> None:
        self._home, self._run_id = home, run_id
        self._folder = home.path / place / "journal"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._salt = _salt(home.path / place / "salt")
        self._lock = threading.Lock()
        self._landing = threading.Lock()
        self._number = self._lines = 0
        self._opened_s = 0.0
        self._file: int | None = None
        self._path = self._folder
        self._unlanded: list[Path] = []  # closed, and there was no room to land them

    def append(self, execution: Execution, store: str) -> None:
        """Write an execution: from here on no kill of the process loses it. ``store`` is no, hash or yes."""
        row = execution.to_row()
        if store != "yes":
            question = row["question"]
            if store == "hash" and question:
                digest = hmac.new(self._salt, " ".join(question.split()).encode(), hashlib.sha256)
                row["question_id"] = f"hash-{digest.hexdigest()}"
            _without_text(row)
        self._write({"execution": row})

    def append_score(self, row: dict[str, Any]) -> None:
        """Write a late score (a row of ``SCORE_COLUMNS``)."""
        self._write({"score": row})

    def _write(self, line: dict[str, Any]) -> None:
        data = compact(line) + b"\n"
        with self._lock:
            if self._file is None:
                self._open()
            assert self._file is not None
            written = os.write(self._file, data)
            if written < len(data):  # the disk is full: the next line must not go on in this one
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(28, os.strerror(28), str(self._path))
            self._lines += 1

    def _open(self) -> None:
        self._number += 1
        self._path = self._folder / f"{self._run_id}-{self._number:06d}.jsonl"
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # says that its process lives
        self._lines, self._opened_s = 0, time.monotonic()

    def tend(self, at_once: bool = False) -> None:
        """Sync what was written; land it if it is much or old, or ``at_once``.

        What cannot be landed now (the disk is full: ``OSError`` or an :class:`OptiqError`) is the next time, or by the
        next process.
        """
        with self._landing:
            while self._unlanded:
                if self._unlanded[0].exists():  # else another process has found and landed it
                    self._land(self._unlanded[0])
                del self._unlanded[0]
            with self._lock:
                file = self._file
                if file is None:
                    return
                old = time.monotonic() - self._opened_s > MOST_S
                due = at_once or old or self._lines >= MOST_LINES
                path = self._path
                if due:
                    self._file = None
            os.fsync(file)
            if due:
                try:
                    self._land(path)
                except BaseException:
                    self._unlanded.append(path)
                    raise
                finally:
                    os.close(file)

    def recover(self) -> int:
        """Land what processes that are gone have left; returns how many files."""
        found = 0
        for path in sorted(self._folder.glob("*.jsonl")):
            if path.name.startswith(self._run_id):
                continue
            with suppress(FileNotFoundError), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process lives
                with self._landing:
                    self._land(path)
                found += 1
        return found

    def _land(self, path: Path) -> None:
        """A few lines at a time: requests that are answered meanwhile wait for no more than these."""
        executions, scores = [], []
        every = _lines(path)
        for lines in iter(lambda: list(islice(every, _LINES_AT_ONCE)), []):
            rows = [line["execution"] for line in lines if "execution" in line]
            for row in rows:
                _with_times(row)
            if rows:
                executions.append(frame_of_rows(rows))
            scores += [line["score"] for line in lines if "score" in line]
            time.sleep(_PAUSE_S)
        if executions:
            land_traces(self._home, pl.concat(executions), int(path.stem.rsplit("-", 1)[-1]))
            bundle_small(self._home)
        if scores:
            land_scores(self._home, pl.DataFrame(scores, schema=SCORE_COLUMNS), path.stem)
        path.unlink()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a file; the last one is none if its end was not written."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                with suppress(ValueError):
                    yield read_compact(line)


def _without_text(row: dict[str, Any]) -> None:
    """Take out of a row what anybody said."""
    for name in ("question", "answer", "reference"):
        row[name] = None
    row["error"] = None if row["error"] is None else WITHHELD
    row["calls"] = [
        {**call, "output": None, "thinking": None, "error": None if call["error"] is None else WITHHELD}
        for call in row["calls"]
    ]


def _with_times(row: dict[str, Any]) -> None:
    for record in (row, *row["calls"]):
        for name in _TIMES:
            if isinstance(record[name], str):
                record[name] = datetime.fromisoformat(record[name])


def _salt(path: Path) -> bytes:
    """The home's own key of hashes: who has only a trace cannot find a short question by trying."""
    if not path.is_file():
        with replacing(path) as temporary:
            temporary.touch(0o600)
            temporary.write_text(secrets.token_hex(32))
    return bytes.fromhex(path.read_text())
