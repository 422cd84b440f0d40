"""Answers in other tools' files as rows of a traces file: one rule for names, scores, topics and times of them all."""

from __future__ import annotations

import datetime
import hashlib
import json
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.estimation.guesses import ends_like
from optiq.formats.protocol import Answer, Format, NoAnswer, Refused, Remark, Wanted
from optiq.formats.quality import quality
from optiq.formats.source import Source
from warehouse.ingestion.chunks import Chunk
from warehouse.ingestion.notes import Notes
from warehouse.ingestion.traces import Traces
from warehouse.ingestion.units import KnownRates

OURS = "ours"
"""As a score: no score of the tool's, but ours, from the reference."""
_CHUNK_ROWS = 10_000
_CHUNK_CHARS = 16 * 1024 * 1024
_UNJUDGED = "a score that is not from 0 to 1: kept among the scores, no quality"


@dataclass(frozen=True)
class Foreign:
    """What a person said about files of other tools.

    ``format`` is the name of one (None: told by content); ``score`` that of the score to take as quality (None: the
    tool's first; ``ours``: score the answers here); ``names`` are ours of models by theirs, ``model`` is that of all
    answers; ``topic`` is that of all, ``topic_from`` the label (task, tag, a field) that holds it. Of a plain table
    ``columns`` are pairs ``OURS=THEIRS``.
    """

    format: str | None = None
    score: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    topic: str | None = None
    topic_from: str | None = None
    columns: Sequence[str] = ()


class ForeignFile:
    """Reads one file of another tool as chunks of a traces file."""

    def __init__(
        self,
        path: Path,
        form: Format,
        given: Sequence[Path],
        said: Foreign,
        notes: Notes,
        models: Collection[str] = (),
    ) -> None:
        self._path, self._form, self._said, self._notes = path, form, said, notes
        self._given = given
        self._models = models
        self._file_time: datetime.datetime | None = None
        self._scores: dict[str, None] = {}
        self._judged = False
        self._theirs: dict[str, None] = {}

    def chunks(self) -> Iterator[Chunk]:
        """The answers as rows, and what could not be read; at least one chunk.

        Raises
        ------
        InputError
            if nothing in the file can be read, if it changed meanwhile, or has no score of the name that was asked for.
        """
        before = self._path.stat()
        self._file_time = datetime.datetime.fromtimestamp(before.st_mtime, datetime.UTC)
        chunk, rows, chars, last = Chunk(), [], 0, 0
        items = self._form.read(Source(self._path, self._given), Wanted(self._score_asked))
        while True:
            try:
                item = next(items, None)
            except InputError as fault:
                if last == 0:
                    raise
                # What came before the fault is whole; the rest is on record.
                item = Refused(last + 1, f"the rest of the file: {fault.message}")
                items = iter(())
            if item is None:
                break
            if isinstance(item, Answer):
                row = self._row(item)
                rows.append(row)
                last = max(
                    last + 1, item.number
                )  # one line may hold several answers; each row has its number
                chunk.numbers.append(last)
                chars += sum(len(value) for value in row.values() if isinstance(value, str))
            elif isinstance(item, Refused):
                last = max(last + 1, item.number)
                chunk.refused.append((last, item.reason, item.content))
            elif isinstance(item, NoAnswer):
                self._notes.count(f"no traces: {item.what}", item.rows)
                last = max(last, 1)
            else:
                self._remark(item)
            if len(rows) >= _CHUNK_ROWS or chars >= _CHUNK_CHARS:
                yield _columns(chunk, rows)
                chunk, rows, chars = Chunk(), [], 0
        after = self._path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise InputError(f"{self._path} changed while it was read", "Give it when it is written.")
        if self._said.score not in (None, OURS) and not self._judged:
            names = ", ".join(self._scores) or "none"
            raise InputError(f"{self._path} has no score {self._said.score!r}", f"Its scores are {names}.")
        self._ask_about_names()
        yield _columns(chunk, rows)

    def _ask_about_names(self) -> None:
        """Name the models that keep their names here and look like one of PerfDB's: only a person knows."""
        alike = [(theirs, ours) for theirs in self._theirs if (ours := ends_like(theirs, self._models))]
        if alike:
            pairs = " ".join(f"--map {shlex.quote(f'{theirs}={ours}')}" for theirs, ours in alike)
            self._notes.once(
                f"names not known here that end like a model of PerfDB; if they are the same: {pairs}"
            )

    @property
    def _score_asked(self) -> str | None:
        return None if self._said.score == OURS else self._said.score

    def _remark(self, item: Remark) -> None:
        if item.rows is None:
            self._notes.once(item.what)
        else:
            self._notes.count(item.what, item.rows)

    def _row(self, answer: Answer) -> dict[str, Any]:
        said = self._said
        theirs = answer.model if answer.model else None
        model = said.model or (said.names.get(theirs, theirs) if theirs else None)
        if theirs and not said.model and theirs not in said.names:
            self._theirs[theirs] = None
        row = dict(answer.cells)
        told = "\x1f".join(map(str, answer.identity)).encode("utf-8", "replace")
        row.setdefault("execution_id", hashlib.sha256(told).hexdigest()[:32])
        if "plan" not in row:
            row["model"] = model
        row["topic"] = said.topic or self._label(answer)
        value = self._score(answer)
        if value is not None:
            row["qoa"] = value
            row["qoa_source"] = "given"
        if answer.scores:
            row["scores"] = json.dumps(answer.scores, ensure_ascii=False, default=str)
        call = {name: value for name, value in answer.call.items() if value is not None}
        if call and "plan" not in row:
            row["calls"] = [{"node": 0, **call}]
        if row.get("started_at") in (None, ""):
            row["started_at"] = self._file_time
            self._notes.count("no time: that of the file", 1)
        return {name: _clean(value) for name, value in row.items()}

    def _label(self, answer: Answer) -> str | None:
        if self._said.topic_from is None:
            return None
        value = answer.labels.get(self._said.topic_from)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
        self._notes.count(f"no {self._said.topic_from!r} to take the topic from", 1)
        return None

    def _score(self, answer: Answer) -> float | None:
        """The quality by the score that was asked for, else the tool's first; None if there is none."""
        if self._said.score == OURS:
            return None
        name = answer.score
        self._scores |= dict.fromkeys(answer.scores)
        if self._said.score is not None:
            asked = self._said.score
            name = next((one for one in answer.scores if one == asked or one.split(",")[0] == asked), None)
            self._judged = self._judged or name is not None
        if name is None or answer.scores.get(name) is None:
            return None
        value = quality(answer.scores[name])
        if value is None:
            self._notes.count(_UNJUDGED, 1)
        return value


class ForeignTraces(Traces):
    """Judges the rows of another tool's file as those of a traces file.

    Answers without a score of theirs are scored by our rules only where that was asked for: a tool's right answer may
    be a worked solution or a pattern.
    """

    def __init__(self, path: Path, source_hash: str, known: KnownRates, said: Foreign) -> None:
        super().__init__(path, source_hash, known, judges=said.score == OURS)


def _columns(chunk: Chunk, rows: list[dict[str, Any]]) -> Chunk:
    names = dict.fromkeys(name for row in rows for name in row)
    chunk.columns = {name: [row.get(name) for row in rows] for name in names}
    return chunk


def _clean(value: Any) -> Any:
    """Texts without halves of surrogate pairs, which are no text and cannot be stored."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    return value
