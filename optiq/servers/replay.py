"""Recorded completions, for tests and what-if evaluation: the same prompt, the same answer."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optiq.errors import InputError, ModelNotServed, ServerError
from optiq.files.others_text import parse_json
from optiq.servers.protocol import GenerateRequest, Generation, ServedModel

_FIGURES = ("prompt_tokens", "output_tokens", "cached_tokens", "latency_s", "load_s", "prompt_s", "output_s")
_TEXTS = ("answered_model", "digest", "finish_reason")


def recorded(request: GenerateRequest, generation: Generation) -> dict[str, Any]:
    """The row that replays ``generation`` when ``request`` is made again."""
    row: dict[str, Any] = {"model": request.model, "prompt": request.prompt, "text": generation.text}
    for name in (*_TEXTS, *_FIGURES):
        if (value := getattr(generation, name)) is not None:
            row[name] = value
    return row


class ReplayServer:
    """Recorded completions as a :class:`~optiq.servers.protocol.ModelServer`.

    A row has ``model``, ``prompt`` and ``text``; and, where they were recorded, ``prompt_tokens``,
    ``output_tokens``, ``cached_tokens``, ``latency_s``, ``load_s``, ``prompt_s``, ``output_s``, ``answered_model``,
    ``digest``, ``finish_reason``. Where a (model, prompt) occurs more than once, the first counts. Figures are the
    recorded ones; nothing is waited for.
    """

    name = "replay"
    resident_models: int | None = None
    counts_tokens = False
    on_this_machine = False
    model_slots = 64
    slots = 256

    def __init__(self, rows: Iterable[Mapping[str, Any]], origin: str = "recorded rows") -> None:
        self._origin = origin
        self._rows: dict[tuple[str, str], Mapping[str, Any]] = {}
        for number, row in enumerate(rows, start=1):
            _check(row, f"{origin}, row {number}")
            self._rows.setdefault((row["model"], row["prompt"]), row)
        self._digests = {model: row.get("digest") for (model, _), row in sorted(self._rows.items())}

    @classmethod
    def from_file(cls, path: str | Path) -> ReplayServer:
        """Read JSONL. :class:`InputError` names the file and row that cannot be used."""
        remedy = (
            "Give --server-url (or OPTIQ_REPLAY_FILE) a JSONL file with model, prompt and text in each row."
        )
        if not str(path):
            raise InputError("no file of recorded completions is given", remedy)
        rows = []
        try:
            with Path(path).open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        rows.append(_parsed(line, f"{path}, row {number}", remedy))
        except (OSError, UnicodeDecodeError) as fault:
            raise InputError(f"{path} cannot be read: {fault}", remedy) from None
        return cls(rows, str(path))

    def list_models(self) -> list[ServedModel]:
        return [ServedModel(name, digest) for name, digest in sorted(self._digests.items())]

    async def features(self, model: str) -> frozenset[str]:
        """None: what was recorded is text."""
        return frozenset()

    async def generate(self, request: GenerateRequest) -> Generation:
        if request.model not in self._digests:
            raise ModelNotServed(
                f"{self._origin} holds nothing from {request.model!r}",
                f"It has {', '.join(sorted(self._digests)) or 'no model'}.",
            )
        row = self._rows.get((request.model, request.prompt))
        if row is None:
            raise ServerError(
                f"{self._origin} holds no answer of {request.model} to this prompt: {request.prompt[:80]!r}",
                "Record the call first; prompts must match to the letter.",
            )
        return Generation(
            text=row["text"],
            requested_model=request.model,
            answered_model=row.get("answered_model") or request.model,
            server=self.name,
            latency_s=row.get("latency_s"),
            started_at=datetime.now(UTC),
            digest=row.get("digest"),
            prompt_tokens=row.get("prompt_tokens"),
            output_tokens=row.get("output_tokens"),
            cached_tokens=row.get("cached_tokens"),
            load_s=row.get("load_s"),
            prompt_s=row.get("prompt_s"),
            output_s=row.get("output_s"),
            finish_reason=row.get("finish_reason"),
        )

    def count_tokens(self, model: str, text: str) -> int | None:
        """The recorded count of that prompt, None if there is none."""
        return self._rows.get((model, text), {}).get("prompt_tokens")

    def identity(self, model: str) -> str:
        """The file's own: what was recorded there is said there only."""
        return f"replay {self._origin} {model}"

    def health(self) -> str | None:
        return None

    def describe(self) -> str:
        return f"replay: {len(self._rows)} recorded completions from {self._origin}"

    async def disconnect(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is nothing to give back."""


def open_replay(base_url: str | None = None, api_key: str | None = None) -> ReplayServer:
    """The recorded completions in the file ``base_url``, else in ``$OPTIQ_REPLAY_FILE``."""
    return ReplayServer.from_file(base_url or os.environ.get("OPTIQ_REPLAY_FILE", ""))


def _parsed(line: str, where: str, remedy: str) -> Mapping[str, Any]:
    try:
        row = parse_json(line)
    except ValueError as fault:
        raise InputError(f"{where} is no JSON: {fault}", remedy) from None
    if not isinstance(row, dict):
        raise InputError(f"{where} is no JSON object", remedy)
    return row


def _check(row: Mapping[str, Any], where: str) -> None:
    for name in ("model", "prompt", "text"):
        if not isinstance(row.get(name), str):
            raise InputError(
                f"{where}: {name} is missing or no text", "Each row needs model, prompt and text."
            )
    for name in _FIGURES:
        value = row.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise InputError(f"{where}: {name} is {value!r}", "Give a number from 0 up, or leave it out.")
