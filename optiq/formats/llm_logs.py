"""simonw/llm: its ``logs.db``. Calls are in ``turns`` of newer versions and in ``responses`` of older ones; both count.

The same prompt and answer twice are two turns over one pair of messages. A failed call leaves no row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.formats.chat import count, usage_of
from optiq.formats.json_stream import loads
from optiq.formats.protocol import Answer, Item, NoAnswer, Role, Wanted
from optiq.formats.source import Source

_PARTS = """
    select group_concat(text, char(10)) from (
        select text from parts where message_hash = ? and type = 'text' order by position
    )
"""


class LlmLogs:
    """Reads the database of llm."""

    name = "llm"
    title = "logs.db of llm"
    tried_on = "0.27.1, 0.31, 0.36"

    def recognises(self, source: Source) -> Role | None:
        """A SQLite file that has the tables of llm's log, by the names in its schema."""
        if not source.is_sqlite:
            return None
        schema = source.beginning
        tables = (b'"responses"', b"[responses]", b'"turns"', b"[turns]")
        return Role.ANSWERS if any(name in schema for name in tables) else None

    def read(self, source: Source, wanted: Wanted) -> Iterator[Item]:
        """One answer per call."""
        with source.on_disk() as path:
            yield from _rows(path, source.path)


def _rows(path: Path, called: Path) -> Iterator[Item]:
    connection = None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        tables = {
            name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
        }
        number = 0
        for table, read in (("turns", _turn), ("responses", _response)):
            if table in tables:
                for row in connection.execute(f"select * from {table} order by id"):  # noqa: S608 - of two names
                    number += 1
                    yield read(number, dict(row), connection)
        if number == 0:
            yield NoAnswer("a log without calls")
    except sqlite3.Error as fault:
        raise InputError(
            f"{called} cannot be read as a SQLite database: {fault}",
            "It is cut off, damaged or in use: copy it again.",
        ) from None
    finally:
        if connection is not None:
            connection.close()


def _turn(number: int, row: dict[str, Any], connection: sqlite3.Connection) -> Answer:
    def text(message: Any) -> str | None:
        found: str | None = connection.execute(_PARTS, (message,)).fetchone()[0]
        return found

    return _answer(number, row, text(row.get("parent_message_hash")), text(row.get("tip_message_hash")), None)


def _response(number: int, row: dict[str, Any], connection: sqlite3.Connection) -> Answer:
    return _answer(number, row, row.get("prompt"), row.get("response"), row.get("reasoning"))


def _answer(
    number: int, row: dict[str, Any], question: str | None, answer: str | None, thought: str | None
) -> Answer:
    details, response = _object(row.get("token_details")), _object(row.get("response_json"))
    options = _object(row.get("options_json"))
    usage = usage_of(
        {**details, "prompt_tokens": row.get("input_tokens"), "completion_tokens": row.get("output_tokens")}
    )
    cap = options.get("max_tokens")
    duration = row.get("duration_ms")
    choices = response.get("choices")
    finish = response.get("finish_reason")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        finish = choices[0].get("finish_reason", finish)
    call: dict[str, Any] = {
        **usage,
        "answered_model": row.get("resolved_model") or response.get("model"),
        "latency_s": duration / 1000 if isinstance(duration, int | float) and duration > 0 else None,
        "output": answer,
        "thinking": thought or None,
        "finish_reason": finish if isinstance(finish, str) else None,
        "max_output_tokens": count(cap),
    }
    cells = {
        "run_id": row.get("thread_id") or row.get("conversation_id"),
        "question": question,
        "answer": answer,
        "started_at": row.get("datetime_utc"),
    }
    return Answer(
        number, ("llm", row["id"]), row.get("model"), cells, call, labels={"task": row.get("model")}
    )


def _object(text: Any) -> dict[str, Any]:
    if not isinstance(text, str):
        return {}
    try:
        value = loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
